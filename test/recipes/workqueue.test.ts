import { expect, it } from 'vitest'
import { runCluster } from './cluster.js'

/** The part that the reader supplies: a job that says that it runs, and may kill its worker. */
const run = `
setImmediate(() => process.send?.('ready')) // when the worker listens
export const runJob = (job: string): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(job, undefined, undefined, () => {
      if (job.startsWith('kill')) process.kill(process.pid, 'SIGKILL')
      else resolve()
    })
  })
`

it('runs each job, and sets a job aside that has killed three workers', async () => {
  const cluster = await runCluster('workqueue', { files: { 'run.ts': run }, workers: 0 })
  const said = async () => (await cluster.next(({ said }) => said !== undefined && said !== 'ready')).said
  const start = async () => {
    const { worker } = await cluster.fork()
    await cluster.next((event) => event.worker === worker && event.said === 'ready')
    return worker
  }
  const workers = [await start(), await start(), await start(), await start(), await start()]
  const runner = workers[4] as number
  cluster.tell(runner, 'one')
  expect(await said()).toBe('one')
  cluster.tell(runner, 'kill')
  const heard: unknown[] = []
  for (let i = 0; i < 3; i++) heard.push(await said())
  expect(heard).toEqual(['kill', 'kill', 'kill'])
  // A worker that is left has set the poison message aside.
  cluster.tell(await start(), 'two')
  expect(await said()).toBe('two')
})
