import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Transferable, Worker } from 'node:worker_threads'

const peerFile = fileURLToPath(new URL('./peer.js', import.meta.url))

/** A process or a thread that peer.ts runs in. */
export interface Running {
  readonly pid: number
  post(message: unknown, transfer?: readonly unknown[]): void
  kill(): void
  on(heard: (message: unknown) => void, ended: (why: string) => void): void
}

export function startProcess(args: string[], serialization: 'json' | 'advanced'): Running {
  const child = fork(peerFile, args, { execArgv: ['--expose-gc'], serialization })
  return {
    pid: child.pid as number,
    post(message) {
      if (child.connected) child.send(message as object)
    },
    kill: () => child.kill('SIGKILL'),
    on(heard, ended) {
      child.on('message', heard)
      child.on('error', (error) => ended(error.message))
      child.on('exit', (code, signal) => ended(`code=${code} signal=${signal}`))
    },
  }
}

export function startThread(args: string[]): Running {
  const worker = new Worker(peerFile, { argv: args })
  return {
    pid: process.pid,
    post: (message, transfer) => worker.postMessage(message, transfer as Transferable[] | undefined),
    kill: () => void worker.terminate(),
    on(heard, ended) {
      let error: Error | undefined
      worker.on('message', heard)
      worker.on('error', (thrown) => {
        error = thrown
      })
      worker.on('exit', (code) => ended(error?.stack ?? `code=${code}`))
    },
  }
}
