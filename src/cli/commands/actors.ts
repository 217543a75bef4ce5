import { type Call, type Command, UsageError } from '../command.js'
import { checkJoinable } from '../member.js'
import { loadOptional } from '../optional.js'
import { type Column, numbers, printTable } from '../table.js'
import { bytesText, durationText, printable } from '../text.js'

/** An actor in a report of the package `orbit-actors`. */
interface ActorRow {
  readonly type: string
  readonly key: string
  readonly waiting: number
  readonly running: number
  readonly oldestMs: number
}

/** A call in a report. */
interface WaitRow {
  readonly actor: string
  readonly method: string
  readonly state: string
  readonly forMs: number
  readonly chain: readonly string[]
}

/** What a process keeps of a partition. */
interface StateRow {
  readonly partition: number
  readonly actors: number
  readonly alarms: number
  readonly nextAlarmMs?: number
  readonly messages: number
  readonly replies: number
  readonly bytes: number
  readonly commits: number
  readonly failures: number
  readonly meanMs: number
  readonly longestMs: number
}

/** A process in a report; without one, it has not answered. */
interface HostRow {
  readonly id: string
  readonly partitions: readonly number[]
  readonly report?: {
    readonly pid: number
    readonly active: number
    readonly waiting: number
    readonly running: number
    readonly calls: number
    readonly actors: readonly ActorRow[]
    readonly waits: readonly WaitRow[]
  }
  readonly state?: readonly StateRow[]
}

/** What the package exports. */
interface Inspect {
  inspectActors(fleet: string, options: object): Promise<{ hosts: readonly HostRow[]; orphans: readonly number[] }>
  backUpActors(fleet: string, folder: string, options: object): Promise<{ folder: string; bytes: number }>
}

const packageName = 'orbit-actors'

/** Loads the package, which is not a dependency of this one. */
async function loadInspect(): Promise<Inspect> {
  const found = await loadOptional<Inspect>(`${packageName}/inspect`)
  if (found === undefined) throw new UsageError(`actors are a package of their own: npm install ${packageName}`)
  return found
}

async function inspect(call: Call) {
  const fleet = call.operand(0)
  checkJoinable(fleet)
  const { inspectActors } = await loadInspect()
  const [type, key, name] = [call.optional(1), call.optional(2), call.text('name')]
  const which = { ...(type !== undefined && { type }), ...(key !== undefined && { key }) }
  const state = call.flag('state')
  const { hosts, orphans } = await inspectActors(fleet, { ...which, state, ...(name !== undefined && { name }) })
  return { fleet, hosts, orphans }
}

const hostColumns: Column<HostRow>[] = [
  { title: 'HOST', text: ({ id }) => id },
  numbers('PID', ({ report }) => report?.pid),
  numbers('PARTITIONS', ({ partitions }) => partitions.length),
  numbers('ACTIVE', ({ report }) => report?.active),
  numbers('WAITING', ({ report }) => report?.waiting),
  numbers('RUNNING', ({ report }) => report?.running),
  numbers('CALLS', ({ report }) => report?.calls),
]

const actorColumns: Column<ActorRow & { pid: number }>[] = [
  { title: 'TYPE', text: ({ type }) => type },
  { title: 'KEY', text: ({ key }) => key, isFlexible: true },
  numbers('PID', ({ pid }) => pid),
  numbers('WAITING', ({ waiting }) => waiting),
  numbers('RUNNING', ({ running }) => running),
  numbers('OLDEST', ({ oldestMs }) => durationText(oldestMs)),
]

const waitColumns: Column<WaitRow & { pid: number }>[] = [
  { title: 'ACTOR', text: ({ actor }) => actor, isFlexible: true },
  { title: 'METHOD', text: ({ method }) => method || '(timer)' },
  { title: 'STATE', text: ({ state }) => state },
  numbers('FOR', ({ forMs }) => durationText(forMs)),
  numbers('PID', ({ pid }) => pid),
  { title: 'CALLED BY', text: ({ chain }) => chain.join(' -> '), isFlexible: true },
]

const stateColumns: Column<StateRow & { pid: number }>[] = [
  numbers('PART', ({ partition }) => partition),
  numbers('PID', ({ pid }) => pid),
  numbers('ACTORS', ({ actors }) => actors),
  numbers('ALARMS', ({ alarms }) => alarms),
  numbers('NEXT', ({ nextAlarmMs }) => dueText(nextAlarmMs)),
  numbers('OUTBOX', ({ messages }) => messages),
  numbers('REPLIES', ({ replies }) => replies),
  numbers('SIZE', ({ bytes }) => bytesText(bytes)),
  numbers('COMMITS', ({ commits }) => commits),
  numbers('FAILED', ({ failures }) => failures),
  numbers('MEAN', ({ meanMs }) => durationText(meanMs)),
]

/** In how long an alarm is due. */
function dueText(atMs: number | undefined): string {
  if (atMs === undefined) return '-'
  return atMs <= Date.now() ? 'now' : durationText(atMs - Date.now())
}

/** Has the processes copy what they keep. */
async function backUp(call: Call, folder: string): Promise<void> {
  const { output } = call
  const fleet = call.operand(0)
  checkJoinable(fleet)
  const { backUpActors } = await loadInspect()
  const name = call.text('name')
  const made = await backUpActors(fleet, folder, name === undefined ? {} : { name })
  if (output.isJson) output.json({ fleet, backup: made })
  else output.line(`${bytesText(made.bytes)} in ${printable(made.folder)}`)
}

async function runActors(call: Call): Promise<void> {
  const { output } = call
  const folder = call.text('backup')
  if (folder !== undefined) return backUp(call, folder)
  const found = await inspect(call)
  const { hosts, orphans, fleet } = found
  const actors = hosts.flatMap(({ report }) => report?.actors.map((each) => ({ ...each, pid: report.pid })) ?? [])
  const states = hosts.flatMap(({ report, state }) => state?.map((each) => ({ ...each, pid: report?.pid ?? 0 })) ?? [])
  states.sort((a, b) => a.partition - b.partition)
  if (output.isJson) output.json(found)
  else if (call.flag('state') && states.length > 0) printTable(output, stateColumns, states)
  else if (call.flag('state')) output.none('no process of this system keeps state')
  else if (hosts.length === 0) output.none(`no process of fleet ${fleet} runs actors of this system`)
  else if (call.optional(1) === undefined) printTable(output, hostColumns, hosts)
  else if (actors.length > 0) printTable(output, actorColumns, actors)
  else output.none('no such actor is active')
  if (orphans.length > 0 && hosts.length > 0) output.note(`partitions without a process: ${orphans.join(', ')}`)
}

async function runStuck(call: Call): Promise<void> {
  const { output } = call
  const leastMs = call.integer('for-ms', 0, 2 ** 31 - 1) ?? 1000
  const { fleet, hosts } = await inspect(call)
  const waits = hosts
    .flatMap(({ report }) => report?.waits.map((each) => ({ ...each, pid: report.pid })) ?? [])
    .filter(({ forMs }) => forMs >= leastMs)
    .sort((a, b) => b.forMs - a.forMs)
  const silent = hosts.filter(({ report }) => report === undefined).map(({ id }) => id)
  if (output.isJson) output.json({ fleet, waits, silent })
  else if (waits.length > 0) printTable(output, waitColumns, waits)
  else output.none(`no call waits or runs for ${durationText(leastMs)}`)
  if (silent.length > 0) output.note(`stopped or blocked, without an answer: ${silent.join(', ')}`)
}

const name = { type: 'string', value: 'NAME', about: "the name of the system; default: 'default'" } as const

const joins =
  'It joins the fleet for that time, and needs the package orbit-actors, which is not installed with this one.'

export const actors: Command = {
  name: 'actors',
  summary: 'list the processes that run actors, and the actors of a type',
  operands: ['FLEET', '[TYPE]', '[KEY]'],
  about: [
    'Asks each process that runs actors: how many of the 16 partitions it has, how many actors are active, how many calls',
    'wait and run, and how many there have been. With a TYPE it lists the active actors of that type, those for which',
    'most calls wait first. A process that does not answer within a second has "?".',
    '',
    'With --state it lists what the processes keep of each partition: actors, alarms and when the next one is due,',
    'messages of the outbox, results of idempotency keys, the size of the files, and the commits since the partition was',
    'opened with their mean time. With --backup the processes copy it into a new folder, while they go on.',
    '',
    joins,
  ],
  options: {
    name,
    state: { type: 'boolean', about: 'list what is kept of each partition, instead of processes' },
    backup: { type: 'string', value: 'FOLDER', about: 'copy all durable state into a new folder' },
  },
  writes: ['actors'],
  examples: [
    { line: 'orbit actors web Cart', about: 'which carts are active, and where?' },
    { line: 'orbit actors web --state', about: 'how large are the files, and is a message stuck?' },
    { line: 'orbit actors web --backup /backup/today', about: 'a copy of all durable state' },
  ],
  run: runActors,
}

export const stuck: Command = {
  name: 'stuck',
  summary: 'list calls of actors that have waited or run for long',
  operands: ['FLEET', '[TYPE]', '[KEY]'],
  about: [
    'Lists the calls that wait for their turn, and the methods that run, for a second or more, the oldest first, with the',
    'actors that wait for them. Processes that do not answer within a second are named: they are stopped or blocked.',
    '',
    joins,
  ],
  options: {
    name,
    'for-ms': { type: 'string', value: 'MS', about: 'only those of so many milliseconds or more; default: 1000' },
  },
  writes: ['stuck'],
  examples: [{ line: 'orbit stuck web', about: 'what does everything wait for?' }],
  run: runStuck,
}
