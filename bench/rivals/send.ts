import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AsyncRun } from '../calls/call.js'
import { operation, type Rival, trialOf, value } from './rival.js'

const operations = 100
const listener = fileURLToPath(new URL('./listener.ts', import.meta.url))

async function startListener(serialization: 'json' | 'advanced'): Promise<ChildProcess> {
  const child = fork(listener, [], { execArgv: process.execArgv, serialization })
  child.once('exit', (code) => process.exit(code ?? 1)) // It ends before us only when it fails.
  await once(child, 'message')
  return child
}

const send = (serialization: 'json' | 'advanced', message: string | Uint8Array, what: string) =>
  trialOf(operation.publish, `process.send, ${serialization}`, {
    measures: `child.send(${what}) ${operations} times and the last one written, to a child that reads them`,
    operations,
    async setup(): Promise<AsyncRun> {
      const child = await startListener(serialization)
      return {
        runAsync: () =>
          new Promise((resolve, reject) => {
            for (let i = 1; i < operations; i++) child.send(message)
            child.send(message, (error) => (error === null ? resolve() : reject(error)))
          }),
        teardown: () => child.kill(),
      }
    },
  })

/** The channel that Node gives a parent and its child. */
export const processSend: Rival = {
  name: 'process.send',
  lacks: async () => undefined,
  trials: [send('json', 'x'.repeat(value.length), 'text of 64'), send('advanced', value, 'bytes')],
}
