import { setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../../core/fleet.js'
import type { FleetObserver } from '../../core/observer.js'
import { type Call, type Command, UsageError } from '../command.js'
import { interrupt } from '../interrupt.js'
import { type LogLine, LogReader } from '../logreader.js'
import { type LevelName, levelIn, levelNames, levelOf, logJson, logText } from '../logtext.js'
import { jsonText } from '../output.js'
import { counted } from '../text.js'

const pauseMs = 20
/** The interval at which it looks for the rings of new members. */
const findMs = 500

interface Filter {
  readonly node: number | undefined
  readonly level: number
  readonly isDeadOnly: boolean
}

function filterOf(call: Call): Filter {
  const name = call.text('level') ?? levelNames[0]
  if (!levelNames.includes(name as LevelName)) {
    throw new UsageError(`--level=${name} must be one of ${levelNames.join(', ')}`)
  }
  const level = call.text('level') === undefined ? 0 : levelOf(name as LevelName)
  return { node: call.integer('node', 0, 65535), level, isDeadOnly: call.flag('dead') }
}

/** Which writers are alive: a line belongs to one incarnation of its node. */
function deathOf(fleet: FleetObserver): (line: LogLine) => boolean {
  const living = new Set(fleet.nodes().flatMap((each) => (each.alive ? `${each.node}/${each.incarnation}` : [])))
  return ({ node, incarnation }) => !living.has(`${node}/${incarnation}`)
}

/** Prints the lines that pass the filter, at most the last `count`, and gives how many there were. */
function print(call: Call, fleet: FleetObserver, reader: LogReader, filter: Filter, count?: number): number {
  const { output } = call
  const { lines, lost } = reader.poll()
  const isDead = deathOf(fleet)
  const wanted = lines
    .filter(({ node }) => filter.node === undefined || node === filter.node)
    .filter((line) => levelIn(line) >= filter.level && (!filter.isDeadOnly || isDead(line)))
    .slice(count === undefined ? 0 : -count)
  if (lost > 0) output.note(`${counted(lost, 'line')} overwritten before they could be read`)
  for (const line of wanted) {
    output.line(output.isJson ? jsonText(logJson(line, isDead(line))) : logText(output, line, isDead(line)))
  }
  return wanted.length
}

async function follow(call: Call, fleet: FleetObserver, reader: LogReader, filter: Filter): Promise<void> {
  const signal = interrupt()
  if (!call.output.isJson || process.stderr.isTTY) call.output.note('waiting for lines; Ctrl-C ends')
  let dueMs = performance.now()
  while (!signal.aborted) {
    if (performance.now() >= dueMs) {
      reader.findRings()
      dueMs = performance.now() + findMs
    }
    print(call, fleet, reader, filter)
    await call.output.written()
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }
}

async function run(call: Call): Promise<void> {
  const filter = filterOf(call)
  const last = call.integer('last', 1, Number.MAX_SAFE_INTEGER)
  using fleet = Fleet.observe(call.operand(0))
  const reader = new LogReader(fleet)
  const count = print(call, fleet, reader, filter, last)
  if (call.flag('follow')) await follow(call, fleet, reader, filter)
  else if (count === 0 && !call.output.isJson) call.output.none(`fleet ${fleet.name} has no such recorded lines`)
}

export const logs: Command = {
  name: 'logs',
  summary: 'show the last log lines of each process, even of killed ones',
  operands: ['FLEET'],
  about: [
    'Prints the lines that processes recorded with orbit-node/pino or a FlightRecorder, of all nodes in the order of',
    'their times: the node and the pid of the writer, whether it is dead, and the level and text of the line. Of a line',
    'of JSON it prints the message first. A line that was too long for its ring is cut.',
    '',
    'The lines outlive their process. They go with the fleet, or when newer lines of the same node take their place.',
  ],
  options: {
    node: { type: 'string', value: 'N', about: 'print only lines of this node' },
    level: {
      type: 'string',
      value: 'LEVEL',
      about: `print only lines of this level and above: ${levelNames.join(', ')}; default: all, and those without a level`,
    },
    dead: { type: 'boolean', about: 'print only lines of processes that have ended' },
    last: { type: 'string', value: 'COUNT', about: 'print only the last COUNT of the lines; default: all' },
    follow: { type: 'boolean', about: 'go on with the lines that come, until Ctrl-C' },
  },
  examples: [
    { line: 'orbit logs web --dead', about: 'what did the killed workers do last?' },
    { line: 'orbit logs web --level warn --follow', about: 'warnings and errors of all workers, as they come' },
  ],
  run,
}
