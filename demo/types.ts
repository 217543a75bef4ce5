// The types that the processes of the demo share. A type is a contract: a process that opens a ring with another name,
// pod or geometry is refused.
import { orbitType, type PodValue, pod } from '../src/index.js'

export const workerCount = 4
export const requestsPerSecond = 800
export const stepsPerRequest = 8
/** The longest usual run. The clients send no more requests than they could send in this time. */
export const longestRunSeconds = 20

/** The nodes of the fleet. Each process asks for a certain node, so that a new worker can replace a dead one. */
export const nodes = { primary: 0, load: 1, firstWorker: 2 }
export const fleetSize = nodes.firstWorker + workerCount

/** The environment variables that name the fleet and the node of a child. */
export const environment = { fleet: 'ORBIT_DEMO_FLEET', node: 'ORBIT_DEMO_NODE' }

export const eventPod = pod({
  /** The publisher. The frame's id contains the node too, and the two must be equal. */
  node: 'u16',
  status: 'u16',
  /** 1 for the first process on this node, 2 for its successor, and so on. */
  incarnation: 'u32',
  /** 1, 2, 3, ... within the incarnation: a gap is a lost frame. */
  sequence: 'u32',
  durationUs: 'u32',
  /** Over all other fields. It detects a frame that is mixed from two. */
  checksum: 'u32',
})
export type Event = PodValue<typeof eventPod>

/** One frame for each HTTP request. The ring has room for the longest run, so a new worker finds the whole history. */
export const RequestEvent = orbitType({ name: 'demo.RequestEvent', kind: 1, pod: eventPod, capacity: 2 ** 14 })

/** One frame for each step of a request's work, published eight at a time. */
export const StepEvent = orbitType({ name: 'demo.StepEvent', kind: 2, pod: eventPod, capacity: 2 ** 17 })

/** The load of a worker. The terminal shows the newest one of each node. */
const workerLoad = pod({
  incarnation: 'u32',
  port: 'u16',
  requests: 'u32',
  /** Frames published so far, of requests and of steps. */
  frames: 'u32',
  inFlight: 'u32',
  perSecond: 'f32',
  loopDelayMs: 'f32',
  cpuPercent: 'f32',
  rssBytes: 'u64',
  /** Request frames that were in the ring when this process joined, and how many of them its predecessors published. */
  history: 'u32',
  predecessors: 'u32',
  /** Requests that the fleet had counted, and exports that it had allowed, when this process joined. */
  counted: 'u32',
  exported: 'u32',
})
export type WorkerLoadValue = PodValue<typeof workerLoad>
export const WorkerLoad = orbitType({ name: 'demo.WorkerLoad', kind: 3, pod: workerLoad })

/** Topics: `request.<node>` for each answered request, `page.rendered`, `job.ran`. */
export const busOptions = { capacity: 2 ** 15, payloadBytes: 64 }
export interface JobRan {
  token: number
}

/** The subject that the workers claim to run the job. */
export const job = 'demo: every second'

/** The page of all workers. When it has expired, one worker renders it, and the others wait for that. */
export const page = { key: '/', ttlMs: 500 }

/** Counters of all workers together: answered requests, and exports that were allowed. */
export const counterNames = { requests: 'requests', exports: 'exports' }

/** Each request asks for an export. The fleet allows so many in the window. */
export const exportLimit = { name: 'exports', limit: 200, windowMs: 3_600_000, algorithm: 'fixed' } as const
export const exportKey = 'the only customer'

/** The counts of the clients. */
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
