import { expect, it } from 'vitest'
import { runCluster, type WorkerEvent } from './cluster.js'

/** The part that the reader supplies: an export that ends when it is told to. */
const write = `
export const writeExport = (customer: string): Promise<string> => {
  process.send?.(customer)
  return new Promise((resolve) => process.on('message', ([word]: [string]) => word === customer && resolve('written')))
}
`
const options = { files: { 'write.ts': write }, env: { PORT: '0', EXPORTS: '3' }, workers: 0 }

it('runs as many exports as there are permits in all workers, and others when a worker is killed', async () => {
  const cluster = await runCluster('semaphore', options)
  let port = 0
  for (let i = 0; i < 3; i++) {
    await cluster.fork()
    port = (await cluster.next((event) => event.port !== undefined)).port as number
  }
  /** A request on its own connection, so that the cluster gives it to the next worker. */
  const get = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text()
  const answers = Array.from({ length: 8 }, (_, i) => get(`/?customer=c${i}`).catch(() => 'its worker died'))
  const begun = (): Promise<WorkerEvent> => cluster.next(({ said }) => said !== undefined)
  const running = [await begun(), await begun(), await begun()]
  const seen = async () => (await get('/')).split('\n').sort()
  expect(await seen()).toEqual(running.map(({ said }) => said).sort())

  const victim = running[0] as WorkerEvent
  await cluster.kill(victim)
  const alive = running.filter(({ worker }) => worker !== victim.worker)
  while (alive.length < 3) alive.push(await begun())
  expect(await seen()).toEqual(alive.map(({ said }) => said).sort())

  // The permit of each one that ends is the next one's, until none waits.
  const count = 8 - answersOf(await lost(answers))
  let done = 0
  for (let begins = alive.length; done < count; done++) {
    const { worker, said } = alive.shift() as WorkerEvent
    cluster.tell(worker, said)
    if (begins++ < count) alive.push(await begun())
  }
  expect((await Promise.all(answers)).filter((answer) => answer === 'written')).toHaveLength(count)
  expect(await seen()).toEqual([''])
})

/** The answers that are known so far. */
const lost = (answers: Promise<string>[]) => Promise.all(answers.map((each) => Promise.race([each, 'none yet'])))
const answersOf = (answers: string[]) => answers.filter((answer) => answer !== 'none yet').length
