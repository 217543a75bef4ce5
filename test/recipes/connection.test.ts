import { expect, it } from 'vitest'
import { runCluster, type WorkerEvent } from './cluster.js'

/** The part that the reader supplies: a connection that says which process has it. */
const connect = `
setImmediate(() => process.send?.('ready')) // when the worker listens
export const connect = async () => ({
  query: async (text: string, _values: readonly unknown[]): Promise<string> => text + ' in ' + process.pid,
  async *rows(text: string, _values: readonly unknown[]) { yield text },
})
`

it('answers from the one process that has the connection, and from the next after its death', async () => {
  const cluster = await runCluster('connection', { files: { 'connect.ts': connect }, workers: 0 })
  const workers: WorkerEvent[] = []
  for (let i = 0; i < 3; i++) {
    const worker = await cluster.fork()
    await cluster.next((event) => event.worker === worker.worker && event.said === 'ready')
    workers.push(worker)
  }
  const ask = (worker: number) => cluster.ask<string>(worker, 'select')
  const first = await ask((workers[0] as WorkerEvent).worker)
  const answers = [first]
  for (const { worker } of workers) answers.push(await ask(worker))
  expect(new Set(answers).size).toBe(1)
  const owner = workers.find(({ pid }) => first === `select in ${pid}`) as WorkerEvent
  await cluster.kill(owner)
  const after: string[] = []
  for (const { worker } of workers.filter((each) => each !== owner)) after.push(await ask(worker))
  expect(new Set(after).size).toBe(1)
  expect(after).not.toContain(first)
})
