// The totals of a run, and the promises that they must keep.
import { existsSync, readdirSync } from 'node:fs'
import { Fleet } from '../src/index.js'
import { longestRunSeconds, workerCount } from './types.js'

export interface Totals {
  fleet: string
  seconds: number
  workers: number
  requests: number
  /** The requests as the clients count them. */
  sent: number
  answered: number
  failed: number
  frames: number
  framesPerSecond: number
  lost: number
  torn: number
  repeated: number
  overrun: number
  malformed: number
  unaccounted: number
  /** The requests as the counter of all workers has them. */
  counted: number
  /** The limit of exports: what it has let through, and what the workers have counted of that. */
  exports: { limit: number; taken: number; allowed: number }
  death: { node: number; pid: number; incarnation: number; seenAfterMs: number | null }
  /** Counts of events on the bus. */
  bus: { requests: number; rendered: number; runs: number; staleRuns: number; lost: number }
  /** The new owner of the job after the death of the old one, the time that this took, and the tokens of both. */
  election: { from: number; to: number; tokens: [number, number]; tookMs: number } | null
  takeOver: {
    node: number
    pid: number
    incarnation: number
    /** Request frames that the new worker found, and how many of them its dead predecessor had published. */
    history: number
    predecessors: number
    /** How many frames of the predecessor the primary's cursor has seen. */
    published: number
    /** The counter of requests and the exports taken, as the new worker found them. */
    counted: number
    exported: number
  } | null
  /** One line for each process that ended unexpectedly. */
  unexpected: string[]
  /** The number of names in shared memory before the end, and the names that remain after it. */
  objects: number
  left: string[]
}

/** Returns one line for each promise that these totals break. */
export function brokenPromises(totals: Totals): string[] {
  const promises = [framePromises, busPromises, counterPromises, takeOverPromises].flatMap((of) => of(totals))
  return [
    ...promises.flatMap(([isKept, otherwise]) => (isKept ? [] : [otherwise])),
    ...totals.unexpected,
    ...(totals.objects > 0 ? [] : ['the fleet had no object in shared memory']),
    ...(totals.left.length === 0 ? [] : [`left in shared memory: ${totals.left.join(', ')}`]),
  ]
}

/** A promise: is it kept, and what to print if it is not. */
type Kept = [isKept: boolean, otherwise: string]

function framePromises(totals: Totals): Kept[] {
  const { workers, requests, lost, torn, repeated, overrun, malformed, unaccounted, answered } = totals
  return [
    [workers === workerCount, `${workers} of ${workerCount} workers started`],
    [requests > 0, 'no request was served'],
    [lost === 0, `${lost} frames were lost`],
    [torn === 0, `${torn} frames were torn`],
    [repeated === 0, `${repeated} frames came twice or out of order`],
    [overrun === 0, `${overrun} frames were overwritten before they were read`],
    [malformed === 0, `${malformed} frames could not be read`],
    [unaccounted === 0, `${unaccounted} positions are missing from every poll's account`],
    [answered <= requests, `clients got ${answered} answers, but only ${requests} requests have a frame`],
  ]
}

function busPromises({ requests, bus, election, death }: Totals): Kept[] {
  // A worker that is killed between the two has published a frame and no event.
  const withoutEvent = requests - bus.requests
  return [
    [bus.lost === 0, `${bus.lost} events were lost`],
    [withoutEvent === 0 || withoutEvent === 1, `${requests} requests have a frame, ${bus.requests} an event`],
    [bus.rendered > 0 && bus.rendered < requests, `the page was rendered ${bus.rendered} times`],
    [bus.staleRuns === 0, `the job ran ${bus.staleRuns} times with a token older than that of an earlier run`],
    [election !== null, `no worker was elected in place of node ${death.node}`],
    [death.seenAfterMs !== null, `the death of pid ${death.pid} on node ${death.node} was not seen`],
  ]
}

/** The worker that is killed may have published or taken, and not counted yet. */
function counterPromises({ requests, counted, exports: { limit, taken, allowed } }: Totals): Kept[] {
  const isOneOff = (more: number, less: number) => more === less || more === less + 1
  return [
    [isOneOff(requests, counted), `${requests} requests have a frame, ${counted} are counted`],
    [taken <= limit, `${taken} exports were allowed, over the limit of ${limit}`],
    [taken >= Math.min(limit, requests), `${taken} of ${limit} exports were allowed in ${requests} requests`],
    [isOneOff(taken, allowed), `${taken} exports were allowed, ${allowed} are counted`],
  ]
}

function takeOverPromises({ death, takeOver }: Totals): Kept[] {
  if (takeOver === null) return [[false, `no new worker took node ${death.node}`]]
  const { node, incarnation, predecessors, published } = takeOver
  return [
    [node === death.node, `the new worker took node ${node} instead of the dead worker's node ${death.node}`],
    [
      incarnation === death.incarnation + 1,
      `the new worker is incarnation ${incarnation} after ${death.incarnation} on node ${node}`,
    ],
    [
      predecessors === published,
      `the new worker found ${predecessors} frames of its predecessor, which had published ${published}`,
    ],
  ]
}

const count = (value: number): string => value.toLocaleString('en-US')

/** The totals as lines of text. */
export function describe(totals: Totals): string[] {
  const { death, takeOver } = totals
  return [
    `requests   ${count(totals.requests)} served, ${count(totals.answered)} answered, ${count(totals.failed)} failed at the clients`,
    `frames     ${count(totals.frames)}, ${count(totals.framesPerSecond)} per second`,
    `lost ${totals.lost}, torn ${totals.torn}, repeated ${totals.repeated}, overwritten ${totals.overrun}`,
    `death      node ${death.node}, pid ${death.pid}: ${death.seenAfterMs === null ? 'not seen' : `seen after ${death.seenAfterMs} ms`}`,
    totals.election === null
      ? 'election   none'
      : `election   node ${totals.election.to} runs the job in its place after ${totals.election.tookMs} ms, token ${totals.election.tokens.join(' -> ')}`,
    `job        ran ${totals.bus.runs} times, ${totals.bus.staleRuns} of them stale`,
    `page       rendered ${count(totals.bus.rendered)} times for ${count(totals.requests)} requests`,
    takeOver === null
      ? 'take-over  none'
      : `take-over  node ${takeOver.node}, incarnation ${takeOver.incarnation}, pid ${takeOver.pid}: found ${count(takeOver.history)} requests of history, ${count(takeOver.predecessors)} of them its predecessor's`,
    `counter    ${count(totals.counted)} requests${takeOver === null ? '' : `, ${count(takeOver.counted)} of them before the new worker started`}`,
    `limit      ${totals.exports.taken} of ${totals.exports.limit} exports allowed${takeOver === null ? '' : `, ${takeOver.exported} of them before the new worker started`}`,
    `/dev/shm   ${totals.objects} names removed, ${totals.left.length === 0 ? 'nothing left' : `${totals.left.length} left`}`,
    `time       ${totals.seconds} s${totals.seconds > longestRunSeconds ? ': this machine is very busy' : ''}`,
  ]
}

/** The names of a fleet in shared memory. Without a folder to list (macOS), only the fleet object can be found. */
export function namesInShm(fleet: string): string[] {
  const folder = process.env['ORBIT_DIRECTORY'] || '/dev/shm'
  if (existsSync(folder)) return readdirSync(folder).filter((name) => name.startsWith(`orbit-${fleet}-`))
  try {
    Fleet.observe(fleet).close()
    return [fleet]
  } catch {
    return []
  }
}
