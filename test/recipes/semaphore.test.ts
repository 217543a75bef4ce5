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
  /** Asks for eight exports. Those in a worker that is killed may never be answered. */
  const ask = (label: string) => {
    for (let i = 0; i < 8; i++) get(`/?customer=${label}${i}`).catch(() => {})
  }
  const begun = (): Promise<WorkerEvent> => cluster.next(({ said }) => said !== undefined)
  const seen = async () => (await get('/')).split('\n').sort()
  const names = (events: WorkerEvent[]) => events.map(({ said }) => said).sort()

  ask('a')
  const first = [await begun(), await begun(), await begun()]
  expect(await seen()).toEqual(names(first))

  const victim = first[0] as WorkerEvent
  await cluster.kill(victim)
  ask('b') // to the workers that are left
  const running = first.filter(({ worker }) => worker !== victim.worker)
  while (running.length < 3) running.push(await begun())
  expect(await seen()).toEqual(names(running))

  // The permit of each one that ends is the next one's.
  for (let i = 0; i < 5; i++) {
    const { worker, said } = running.shift() as WorkerEvent
    cluster.tell(worker, said)
    running.push(await begun())
    expect(await seen()).toEqual(names(running))
  }
})
