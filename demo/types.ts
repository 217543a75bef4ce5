// What the demo's processes tell each other. A type is a contract: every process that opens one of these rings brings
// the same name, layout and geometry, or is refused.
import { orbitType, type PodValue, pod } from '../src/index.js'

export const workerCount = 4
export const requestsPerSecond = 800
export const stepsPerRequest = 8
/** A run is shorter, unless the machine is very busy; the clients send no more than fits into it. */
export const longestRunSeconds = 20

/** Who is who in the fleet. A worker's node is its own choice too, so that a newcomer can take a dead one's place. */
export const nodes = { primary: 0, load: 1, firstWorker: 2 }
export const fleetSize = nodes.firstWorker + workerCount

/** How a child learns which fleet to join, and as which node: the environment at its start, and never a message. */
export const environment = { fleet: 'ORBIT_DEMO_FLEET', node: 'ORBIT_DEMO_NODE' }

export const eventPod = pod({
  /** Who says so: the frame's id has the node too, so the two must agree. */
  node: 'u16',
  status: 'u16',
  /** 1 for the first process on this node, 2 for the one that took its place, and so on. */
  incarnation: 'u32',
  /** 1, 2, 3, ... within the incarnation: a hole is a lost frame. */
  sequence: 'u32',
  durationUs: 'u32',
  /** Over all the other fields: a frame mixed of two would not pass. */
  checksum: 'u32',
})
export type Event = PodValue<typeof eventPod>

/** One frame for each HTTP request. The ring holds all of the longest run, so that a newcomer finds the whole history. */
export const RequestEvent = orbitType({ name: 'demo.RequestEvent', kind: 1, pod: eventPod, capacity: 2 ** 14 })

/** One frame for each step of a request's work, published eight at a time. */
export const StepEvent = orbitType({ name: 'demo.StepEvent', kind: 2, pod: eventPod, capacity: 2 ** 17 })

/** How a worker is; the newest value per node is what the terminal shows. */
const workerLoad = pod({
  incarnation: 'u32',
  port: 'u16',
  requests: 'u32',
  /** Published so far, requests and steps. */
  frames: 'u32',
  inFlight: 'u32',
  perSecond: 'f32',
  loopDelayMs: 'f32',
  cpuPercent: 'f32',
  rssBytes: 'u64',
  /** What the ring of requests already held when this process joined, and how much of that its dead predecessors wrote. */
  history: 'u32',
  predecessors: 'u32',
})
export type WorkerLoadValue = PodValue<typeof workerLoad>
export const WorkerLoad = orbitType({ name: 'demo.WorkerLoad', kind: 3, pod: workerLoad })

/** Topics: `request.<node>` for each answered one, `page.rendered`, `job.ran`. */
export const busOptions = { capacity: 2 ** 15, payloadBytes: 64 }
export interface JobRan {
  token: number
}

/** What workers are elected for, once a second. */
export const job = 'demo: every second'

/** The page that all workers show: one of them renders it when it has expired, the others wait for that or find it. */
export const page = { key: '/', ttlMs: 500 }

/** What the client's side has seen. */
export const ClientReport = orbitType({
  name: 'demo.ClientReport',
  kind: 4,
  pod: pod({ sent: 'u32', answered: 'u32', failed: 'u32' }),
})

/** An event with its checksum (FNV-1a over the fields). */
export function seal(fields: Omit<Event, 'checksum'>): Event {
  return { ...fields, checksum: checksumOf(fields) }
}

export function checksumOf({ node, status, incarnation, sequence, durationUs }: Omit<Event, 'checksum'>): number {
  let hash = 0x811c9dc5
  for (const word of [node, status, incarnation, sequence, durationUs]) hash = Math.imul(hash ^ word, 0x01000193)
  return hash >>> 0
}
