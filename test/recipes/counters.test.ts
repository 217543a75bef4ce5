import { expect, it } from 'vitest'
import { runCluster } from './cluster.js'

it('counts the requests of all workers, and gives each free call once, even after a worker was killed', async () => {
  const cluster = await runCluster('counters', { env: { PORT: '0' }, workers: 0 })
  let port = 0
  const fork = async () => {
    const worker = await cluster.fork()
    port = (await cluster.next((event) => event.port !== undefined)).port as number
    return worker
  }
  const first = await fork()
  await fork()
  /** A request on its own connection, so that the cluster gives it to the next worker. */
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
  const statuses = async (customer: string) => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(`/?customer=${customer}`)))
    return answers.map(({ status }) => status).sort()
  }
  const numbers = async () => (await (await get('/status')).json()) as Record<string, number>
  const threeFree = [200, 200, 200, 402, 402, 402, 402, 402]
  expect(await statuses('ada')).toEqual(threeFree)
  await cluster.kill(first)
  expect(await statuses('grace')).toEqual(threeFree)
  await fork()
  expect(await statuses('ada')).toEqual(new Array(8).fill(402))
  for (let i = 0; i < 2; i++) {
    const all = await numbers()
    expect(all).toMatchObject({ requests: 24, 'free:ada': 3, 'free:grace': 3 })
    expect(all['slowest ms']).toBeGreaterThan(0)
    const observed = Object.entries(all).filter(([name]) => /^answer ms:(\d|\+)/.test(name))
    expect(observed.reduce((sum, [, times]) => sum + times, 0)).toBe(24)
  }
})
