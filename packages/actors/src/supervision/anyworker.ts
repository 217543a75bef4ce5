import type { ChildProcess } from 'node:child_process'
import type { Worker as ClusterWorker } from 'node:cluster'
import type { Worker as Thread } from 'node:worker_threads'

/** A worker of `node:cluster`, a child process, or a worker thread. */
export type AnyWorker = ClusterWorker | ChildProcess | Thread

/** Ends a worker; a thread ends at once with either signal. */
export function end(worker: AnyWorker, signal: 'SIGTERM' | 'SIGKILL'): void {
  if ('terminate' in worker) void worker.terminate()
  else if ('process' in worker) worker.process.kill(signal)
  else worker.kill(signal)
}
