import { Fleet } from '../../core/fleet.js'
import { loadedFrame } from '../../core/frame.js'
import type { FleetObserver } from '../../core/observer.js'
import { cacheKind, contestKind } from '../../inspect/report.js'
import type { Call, Command } from '../command.js'
import { allKinds } from '../kinds.js'
import { byFleet, type FoundObject, findObjects, objectProblem, type Problem, problemOf } from '../objects.js'
import { printTable } from '../table.js'
import { bytesText, counted, durationText } from '../text.js'

interface FleetSummary {
  readonly fleet: string
  /** orphaned: rings without a fleet object. */
  readonly state: 'live' | 'dead' | 'damaged' | 'orphaned'
  readonly size: number | null
  readonly nodesAlive: number | null
  readonly nodesDead: number | null
  readonly objects: number
  readonly bytes: number
  readonly newestUnixMs: number | null
  readonly newestAgeMs: number | null
  readonly problems: readonly Problem[]
}

// Frames carry no time of their own. Events do, and by custom `version: Date.now()`: a version that reads as a recent time.
const firstTimeMs = Date.UTC(2020, 0)

function newestUnixMs(fleet: FleetObserver): number | null {
  let newest: number | null = null
  for (const kind of allKinds(fleet)) {
    if (kind === contestKind || kind === cacheKind) continue
    try {
      const ring = fleet.existing(kind)
      const unixMs = ring?.loadHead() ? loadedFrame(ring).version : 0
      if (unixMs >= firstTimeMs && unixMs <= Date.now() + 60_000) newest = Math.max(newest ?? 0, unixMs)
    } catch {
      // objectProblem says what is wrong with it
    }
  }
  return newest
}

function summaryOf(fleet: string, objects: readonly FoundObject[]): FleetSummary {
  const problems = objects.flatMap((object) => objectProblem(object) ?? [])
  const bytes = objects.reduce((sum, { stats }) => sum + stats.size, 0)
  const base = { objects: objects.length, bytes }
  const unknown = { size: null, nodesAlive: null, nodesDead: null, newestUnixMs: null, newestAgeMs: null }
  const own = objects.find(({ form }) => form === 'fleet')
  if (own === undefined) return { fleet, state: 'orphaned', ...unknown, ...base, problems }
  try {
    using observer = Fleet.observe(fleet)
    const nodes = observer.nodes()
    const nodesAlive = nodes.filter(({ alive }) => alive).length
    const unixMs = newestUnixMs(observer)
    return {
      fleet,
      state: nodesAlive > 0 ? 'live' : 'dead',
      size: observer.size,
      nodesAlive,
      nodesDead: nodes.length - nodesAlive,
      ...base,
      newestUnixMs: unixMs,
      newestAgeMs: unixMs === null ? null : Math.max(0, Date.now() - unixMs),
      problems,
    }
  } catch (error) {
    const isKnown = problems.some(({ object }) => object === own.file)
    return {
      fleet,
      state: 'damaged',
      ...unknown,
      ...base,
      problems: isKnown ? problems : [...problems, problemOf(own.file, error)],
    }
  }
}

const number = (value: number | null): string => (value === null ? '-' : String(value))
const styles = { live: 'green', dead: 'yellow', damaged: 'red', orphaned: 'yellow' } as const

function run(call: Call) {
  const { output } = call
  const fleets = [...byFleet(findObjects())].map(([fleet, objects]) => summaryOf(fleet, objects))
  if (output.isJson) return output.json({ fleets })
  if (call.flag('names')) {
    for (const { fleet } of fleets) output.line(fleet)
    return
  }
  if (fleets.length === 0) return output.note('this user has no fleets')
  printTable(
    output,
    [
      { title: 'FLEET', text: ({ fleet }) => fleet, isFlexible: true },
      { title: 'STATE', text: ({ state }) => state, style: ({ state }) => styles[state] },
      {
        title: 'ALIVE',
        text: ({ nodesAlive, size }) => (size === null ? '-' : `${nodesAlive}/${size}`),
        align: 'right',
      },
      { title: 'DEAD', text: ({ nodesDead }) => number(nodesDead), align: 'right' },
      { title: 'OBJECTS', text: ({ objects }) => String(objects), align: 'right' },
      { title: 'BYTES', text: ({ bytes }) => bytesText(bytes), align: 'right' },
      {
        title: 'NEWEST',
        text: ({ newestAgeMs }) => (newestAgeMs === null ? '-' : durationText(newestAgeMs)),
        align: 'right',
      },
      {
        title: 'PROBLEMS',
        text: ({ problems }) => (problems.length === 0 ? '' : counted(problems.length, 'object')),
        style: () => 'red',
      },
    ],
    fleets,
  )
}

export const ls: Command = {
  name: 'ls',
  summary: 'all fleets of this user',
  operands: [],
  about: [
    "Lists every fleet that has left anything in shared memory: whether it lives by the kernel's word (a member",
    "holds its node's lock), how many nodes are alive, how many died without a successor, how many objects (rings,",
    "the fleet's own, bells) it has and their bytes, the age of its newest frame, and how many objects are damaged.",
    '',
    'Frames carry no time of their own; NEWEST goes by events, and by frames whose version reads as a Unix time in',
    'milliseconds (version: Date.now()). A dead fleet keeps its objects until somebody joins or gc removes them.',
  ],
  options: { names: { type: 'boolean', about: 'the names only, one a line' } },
  examples: [{ line: 'orbit ls', about: 'who is there?' }],
  run,
}
