// What the bench's drivers promise: without it their figures would be of something else.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Transferable, Worker } from 'node:worker_threads'
import { build } from 'tsup'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Driver, HostPeer, Place } from '../../bench/drivers/driver.js'
import { drivers } from '../../bench/drivers/index.js'
import { root, uniqueFleet } from '../help/processes.js'

/** Beside dist, as the bench's own bundle, which clears such folders of ended processes away. */
const bundle = join(root, `.bench-${process.pid}`)

beforeAll(async () => {
  const entry = { peer: join(root, 'test/fixtures/messagepeer.ts') }
  const options = { format: 'esm', target: 'node20', splitting: true, skipNodeModulesBundle: true } as const
  await build({ config: false, silent: true, outDir: bundle, entry, ...options })
})
afterAll(() => rmSync(bundle, { recursive: true, force: true }))

class TestPeer implements HostPeer {
  readonly role: HostPeer['role']
  readonly ended: Promise<unknown[]>
  readonly #worked: ChildProcess | Worker
  readonly #hearers = new Set<(message: unknown) => void>()
  readonly #answers: unknown[] = []
  #answered: (() => void) | undefined

  constructor({ name, peers, serialization = 'json' }: Driver, role: HostPeer['role'], place: Place) {
    this.role = role
    const file = join(bundle, 'peer.js')
    const argv = [name, role, JSON.stringify(place)]
    const worked = peers === 'threads' ? new Worker(file, { argv }) : fork(file, argv, { execArgv: [], serialization })
    this.#worked = worked
    // What a process has sent is read before its channel says that it is gone; its exit may come earlier.
    const isRead = worked instanceof Worker ? undefined : once(worked, 'disconnect')
    this.ended = Promise.all([once(worked as ChildProcess, 'exit'), isRead]).then(([ending]) => ending)
    worked.on('message', (message: unknown) => {
      if (typeof message === 'object' && message !== null && 'testAnswer' in message) {
        this.#answers.push(message.testAnswer)
        this.#answered?.()
      } else for (const hear of this.#hearers) hear(message)
    })
    onTestFinished(() => void (worked instanceof Worker ? worked.terminate() : worked.kill('SIGKILL')))
  }

  post(message: unknown, transfer?: readonly unknown[]): void {
    if (this.#worked instanceof Worker) this.#worked.postMessage(message, transfer as Transferable[])
    else this.#worked.send(message as object)
  }

  onMessage(hear: (message: unknown) => void): () => void {
    this.#hearers.add(hear)
    return () => this.#hearers.delete(hear)
  }

  async answer(): Promise<unknown> {
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve
    })
    if (this.#answers.length === 0) {
      const end = this.ended.then((ending) => Promise.reject(new Error(`${this.role} ended: ${ending}`)))
      await Promise.race([answered, end])
    }
    return this.#answers.shift()
  }

  ask(what: 'open' | 'publish' | 'hear' | 'close', from = 0, to = 0): Promise<unknown> {
    this.post({ testOrder: { what, from, to } })
    return this.answer()
  }
}

const count = 2000

/** Two bursts: what is doubled at the end of the first shows at the beginning of the second. */
async function burstAll(publishers: TestPeer[], subscribers: TestPeer[]): Promise<void> {
  for (let burst = 0; burst < 2; burst++) {
    const to = (burst + 1) * count
    const heard = Promise.all(subscribers.map((peer) => peer.ask('hear', 0, to)))
    await Promise.all(publishers.map((peer) => peer.ask('publish', burst * count, to)))
    for (const next of await heard) expect(next).toEqual(publishers.map(() => to))
  }
}

async function run(driver: Driver, place: Omit<Place, 'index'>): Promise<void> {
  const start = (role: HostPeer['role'], index: number) => new TestPeer(driver, role, { ...place, index })
  const publishers = Array.from({ length: place.publishers }, (_, index) => start('publisher', index))
  const subscribers = Array.from({ length: place.subscribers }, (_, index) => start('subscriber', index))
  const all = [...publishers, ...subscribers]
  await Promise.all(all.map((peer) => peer.answer()))
  const host = driver.messages?.host?.(all, { ...place, index: 0 })
  for (const side of publishers.length === 1 ? [publishers, subscribers] : [subscribers, publishers]) {
    await Promise.all(side.map((peer) => peer.ask('open')))
  }
  await burstAll(publishers, subscribers)
  for (const peer of all) await peer.ask('close')
  await host?.close()
  expect((await Promise.all(all.map(({ ended }) => ended))).map(([code]) => code)).toEqual(all.map(() => 0))
}

const shapes = [
  { publishers: 1, subscribers: 1, messageBytes: 4096 },
  { publishers: 1, subscribers: 2, messageBytes: 64 },
  { publishers: 2, subscribers: 1, messageBytes: 16 },
]

test.for(drivers.filter(({ messages }) => messages !== undefined).map((driver) => [driver.name, driver] as const))(
  '%s: bursts arrive whole, in order, once at each subscriber; nothing is left',
  async ([name, driver], { skip }) => {
    const lack = await driver.lacks()
    if (lack !== undefined) {
      console.log(`${name}: skipped, ${lack}`)
      skip()
    }
    const folder = mkdtempSync(join(tmpdir(), 'orbit-drivers-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const server = driver.serve?.(folder)
    onTestFinished(() => server?.end())
    await server?.ready()
    const served = readdirSync(folder)
    await Promise.all(
      shapes.map((shape) => run(driver, { ...shape, name: uniqueFleet(), folder, burst: 2 * 2 * count })),
    )
    expect(readdirSync(folder)).toEqual(served)
  },
)
