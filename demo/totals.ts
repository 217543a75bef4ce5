// What a run came to, and what it promised.
import { existsSync, readdirSync } from 'node:fs'
import { Fleet } from '../src/index.js'
import { longestRunSeconds, workerCount } from './types.js'

export interface Totals {
  fleet: string
  seconds: number
  workers: number
  requests: number
  /** The client's count of the same. */
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
  death: { node: number; pid: number; incarnation: number; seenAfterMs: number | null }
  /** What the event bus has told. */
  bus: { requests: number; rendered: number; runs: number; staleRuns: number; lost: number }
  /** Who runs the job after the death of who ran it, and after how long; tokens: the dead one's, and the new one. */
  election: { from: number; to: number; tokens: [number, number]; tookMs: number } | null
  takeOver: {
    node: number
    pid: number
    incarnation: number
    /** Request frames that the newcomer found, and those of them that its dead predecessor had published. */
    history: number
    predecessors: number
    /** What the primary's cursor had seen of the predecessor. */
    published: number
  } | null
  /** Who ended without being asked to. */
  unexpected: string[]
  /** Names in shared memory: how many there were, and those that are still there. */
  objects: number
  left: string[]
}

/** One line for each promise that these totals break. */
export function brokenPromises(totals: Totals): string[] {
  const { death, takeOver } = totals
  const broken: string[] = []
  const promise = (kept: boolean, otherwise: string): void => void (kept || broken.push(otherwise))

  promise(totals.workers === workerCount, `${totals.workers} of ${workerCount} workers came up`)
  promise(totals.requests > 0, 'no request was served')
  promise(totals.lost === 0, `${totals.lost} frames were lost`)
  promise(totals.torn === 0, `${totals.torn} frames were torn`)
  promise(totals.repeated === 0, `${totals.repeated} frames came twice or out of order`)
  promise(totals.overrun === 0, `${totals.overrun} frames were overwritten before they were read`)
  promise(totals.malformed === 0, `${totals.malformed} frames could not be read`)
  promise(totals.unaccounted === 0, `${totals.unaccounted} positions are in no poll's account`)
  promise(
    totals.answered <= totals.requests,
    `clients got ${totals.answered} answers, but only ${totals.requests} requests have a frame`,
  )
  const { bus, election } = totals
  promise(bus.lost === 0, `${bus.lost} events were lost`)
  // Killed between the two, a worker has published a frame and no event.
  const untold = totals.requests - bus.requests
  promise(untold === 0 || untold === 1, `${totals.requests} requests have a frame, ${bus.requests} an event`)
  promise(bus.rendered > 0 && bus.rendered < totals.requests, `the page was rendered ${bus.rendered} times`)
  promise(bus.staleRuns === 0, `the job ran ${bus.staleRuns} times for a worker whose successor had run it`)
  promise(election !== null, `nobody was elected in place of node ${death.node}`)
  promise(death.seenAfterMs !== null, `the death of pid ${death.pid} on node ${death.node} was not seen`)
  if (takeOver === null) broken.push(`no newcomer took node ${death.node}`)
  else {
    const { node, incarnation, predecessors, published } = takeOver
    promise(node === death.node, `the newcomer took node ${node} instead of the dead worker's node ${death.node}`)
    promise(
      incarnation === death.incarnation + 1,
      `the newcomer is incarnation ${incarnation} after ${death.incarnation} on node ${node}`,
    )
    promise(
      predecessors === published,
      `the newcomer found ${predecessors} frames of its predecessor, which published ${published}`,
    )
  }
  for (const end of totals.unexpected) broken.push(end)
  promise(totals.objects > 0, 'the fleet had no object in shared memory')
  promise(totals.left.length === 0, `left in shared memory: ${totals.left.join(', ')}`)
  return broken
}

const count = (value: number): string => value.toLocaleString('en-US')

/** The totals for people. */
export function describe(totals: Totals): string[] {
  const { death, takeOver } = totals
  return [
    `requests   ${count(totals.requests)} served, ${count(totals.answered)} answered, ${count(totals.failed)} failed at the clients`,
    `frames     ${count(totals.frames)}, ${count(totals.framesPerSecond)} a second`,
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
    `/dev/shm   ${totals.objects} names removed, ${totals.left.length === 0 ? 'nothing left' : `${totals.left.length} left`}`,
    `time       ${totals.seconds} s${totals.seconds > longestRunSeconds ? ': this machine is very busy' : ''}`,
  ]
}

/** The names of a fleet in shared memory. Where that is no folder (macOS) only the fleet itself can be asked for. */
export function namesInShm(fleet: string): string[] {
  if (existsSync('/dev/shm')) return readdirSync('/dev/shm').filter((name) => name.startsWith(`orbit-${fleet}-`))
  try {
    Fleet.observe(fleet).close()
    return [fleet]
  } catch {
    return []
  }
}
