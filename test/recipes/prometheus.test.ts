import { describe, expect, it } from 'vitest'
import { type Cluster, runCluster } from './cluster.js'

/** The part that the reader supplies: it answers, fails or never answers. */
const app = `
import type { IncomingMessage, ServerResponse } from 'node:http'
export async function answer({ url }: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (url === '/throws') throw new Error('thrown by a test')
  if (url === '/hangs') {
    process.send?.('hangs')
    await new Promise(() => {})
  }
  response.statusCode = url === '/' ? 200 : 404
  return url === '/'
}
`
const options = { files: { 'app.ts': app }, env: { PORT: '0' }, workers: 0 }

const listening = async (cluster: Cluster): Promise<number> =>
  (await cluster.next(({ port }) => port !== undefined)).port as number

/** A request on its own connection, so that the cluster gives it to the next worker. */
const get = async (port: number, path: string, signal: AbortSignal | null = null): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' }, signal })).text()

interface Scrape {
  ok: number
  failed: number
  /** How many times were observed. */
  times: number
  open: number
  alive: number
}

async function scrape(port: number): Promise<Scrape> {
  const text = await get(port, '/metrics')
  const values = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].map(([, n]) => Number(n))
  return {
    ok: values('http_requests_total\\{result="ok"\\}')[0] ?? 0,
    failed: values('http_requests_total\\{result="failed"\\}')[0] ?? 0,
    times: values('http_request_seconds_bucket\\{le="\\+Inf"\\}')[0] as number,
    open: values('http_requests_open')[0] as number,
    alive: values('workers')[0] as number,
  }
}

async function requests(port: number, count: number, path = '/'): Promise<void> {
  for (let i = 0; i < count; i++) await get(port, path)
}

describe('docs/recipes/prometheus.md', () => {
  it('sums the counts of all workers, living and dead', async () => {
    const cluster = await runCluster('prometheus', options)
    let port = 0
    for (let i = 0; i < 4; i++) {
      await cluster.fork()
      port = await listening(cluster)
    }
    await requests(port, 20)
    await requests(port, 3, '/nothing')
    await requests(port, 2, '/throws')
    const before = await scrape(port)
    expect(before).toEqual({ ok: 20, failed: 5, times: 25, open: 0, alive: 4 })
    for (let i = 0; i < 4; i++) expect(await scrape(port)).toEqual(before) // from any worker

    const hanging = get(port, '/hangs').catch(() => 'its worker died')
    const victim = await cluster.next(({ said }) => said === 'hangs')
    for (let i = 0; i < 4; i++) expect(await scrape(port)).toMatchObject({ ok: 20, failed: 5, open: 1, alive: 4 })
    await cluster.kill(victim)
    expect(await hanging).toBe('its worker died')
    for (let i = 0; i < 3; i++) expect(await scrape(port)).toMatchObject({ ok: 20, failed: 5, open: 0, alive: 3 })

    await cluster.fork()
    await listening(cluster)
    for (let i = 0; i < 4; i++) expect(await scrape(port)).toMatchObject({ ok: 20, failed: 5, open: 0, alive: 4 })
    await requests(port, 8)
    const after = await scrape(port)
    expect(after).toEqual({ ok: 28, failed: 5, times: 33, open: 0, alive: 4 })
  })

  it('never reports a lower sum while workers are killed under load', async () => {
    const cluster = await runCluster('prometheus', options)
    let port = 0
    let victim = await cluster.fork()
    for (let i = 1; i < 4; i++) await cluster.fork()
    for (let i = 0; i < 4; i++) port = await listening(cluster)

    let [sent, answered, isOver] = [0, 0, false]
    // A connection that the primary handed to the dead worker stays open without an answer.
    let killing = new AbortController()
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        sent++
        await get(port, '/', killing.signal).then(
          () => answered++,
          () => {}, // its worker was killed, or might have been
        )
      }
    })
    let last = 0
    for (let kill = 0; kill < 3; kill++) {
      while (answered < (kill + 1) * 100) {
        const answeredBefore = answered
        const { ok } = await scrape(port)
        expect(ok).toBeGreaterThanOrEqual(Math.max(last, answeredBefore))
        expect(ok).toBeLessThanOrEqual(sent)
        last = ok
      }
      const next = await cluster.fork()
      await listening(cluster)
      await cluster.kill(victim)
      killing.abort()
      killing = new AbortController()
      victim = next
    }
    isOver = true
    await Promise.all(load)
    const { ok, open } = await scrape(port)
    expect(ok).toBeGreaterThanOrEqual(answered)
    expect(ok).toBeLessThanOrEqual(sent)
    expect(open).toBe(0)
  })
})
