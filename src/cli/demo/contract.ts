// What the processes of the demo share. A type is a contract: a process that opens a ring with another name, pod or
// geometry is refused.
import { type OrbitType, orbitType } from '../../core/type.js'
import { type PodValue, pod } from '../../pod/pod.js'

export const workerCount = 4
export const requestsPerSecond = 800
export const stepsPerRequest = 8
/** The longest usual run. The clients send no more requests than they could send in this time. */
export const longestRunSeconds = 20

/** The nodes of the fleet. Each process asks for a certain node, so that a new worker can replace a dead one. */
export const nodes = { primary: 0, clients: 1, firstWorker: 2 }

/** The record of a step. */
export const stepPod = pod({
  /** 1 for the first process on a node, 2 for its successor, and so on. */
  incarnation: 'u32',
  /** 1, 2, 3, ... within the incarnation: a gap is a lost frame. */
  sequence: 'u32',
  durationUs: 'u32',
  /** Over all other fields and the node. It detects a frame that is mixed from two. */
  checksum: 'u32',
})
export type StepValue = PodValue<typeof stepPod>

/** A frame for each step of a request's work. The ring has room for the longest run: no frame is overwritten. */
export const Step: OrbitType<StepValue> = orbitType({ name: 'Step', kind: 1, pod: stepPod, capacity: 2 ** 17 })

/** What each worker has done, and what it found when it joined. */
const reportPod = pod({
  incarnation: 'u32',
  port: 'u16',
  steps: 'u32',
  /** Frames in the ring when it joined, and how many of them its predecessors on the node had published. */
  history: 'u32',
  predecessors: 'u32',
  /** What the fleet had counted, and what it had allowed. */
  counted: 'u32',
  exported: 'u32',
})
export type Report = PodValue<typeof reportPod>
export const WorkerReport: OrbitType<Report> = orbitType({ name: 'WorkerReport', kind: 2, pod: reportPod })

const countsPod = pod({ sent: 'u32', answered: 'u32', failed: 'u32' })
/** What the clients have counted. */
export type ClientCounts = PodValue<typeof countsPod>
export const ClientReport: OrbitType<ClientCounts> = orbitType({ name: 'ClientReport', kind: 3, pod: countsPod })

/** Topics: `request.served` for each answered request, `page.rendered`, `job.ran` with the token of its claim. */
export const busOptions = { capacity: 2 ** 15, payloadBytes: 64 }
/** The subject that the workers claim to run the job. */
export const job = 'every second'
/** Counters of all workers together. */
export const counterNames = { requests: 'requests', exports: 'exports' }
/** Each request asks for an export. The fleet allows so many in the window. */
export const exportLimit = { name: 'exports', limit: 200, windowMs: 3_600_000, algorithm: 'fixed' } as const
export const exportKey = 'the only customer'

/** FNV-1a over the fields of a step and its node. */
export function checksumOf(node: number, { incarnation, sequence, durationUs }: Omit<StepValue, 'checksum'>): number {
  let hash = 0x811c9dc5
  for (const word of [node, incarnation, sequence, durationUs]) hash = Math.imul(hash ^ word, 0x01000193)
  return hash >>> 0
}
