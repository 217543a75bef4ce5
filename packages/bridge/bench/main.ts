// npm run bench:bridge: what an event over two hosts and a lock of hosts cost, beside bare NATS. Hosts are fleets of this
// machine. All ways are measured in turn, round by round, in one run: compare ratios, not microseconds of two runs.
// --only latency,throughput,locks,publishers measures some of it; --rounds sets the number of rounds. With ORBIT_TRACE=1
// it prints where the time of an event goes, and nothing else.
import { parseArgs } from 'node:util'
import { jetstream } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { pause, Stage, type Way } from './stage.js'
import { printStages } from './stages.js'
import { isTraced } from './trace.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'latency,throughput,locks,publishers' },
    rounds: { type: 'string', default: '9' },
  },
})
const only = isTraced ? [] : values.only.split(',')
const rounds = Math.max(3, Number(values.rounds))
const [trips, restedTrips, load, locks] = [200, 60, 20_000, 30]
const payload = Buffer.alloc(200, 'x')
const sorted = (values: number[]): number[] => values.sort((a, b) => a - b)
const median = (values: number[]): number => sorted(values)[values.length >> 1] as number
const results = new Map<string, number[]>()
const note = (name: string, value: number) => results.set(name, [...(results.get(name) ?? []), value])
/** Without the first rounds, in which code is compiled. */
const result = (name: string): number => median((results.get(name) as number[]).slice(2))

/** Microseconds one way: half of the median round trip. */
async function latency(way: Way, calls: number, restMs: number): Promise<number> {
  let resolve = () => {}
  way.on('pong', () => resolve())
  const times: number[] = []
  for (let i = 0; i < calls; i++) {
    if (restMs > 0) await pause(restMs)
    const answered = new Promise<void>((done) => {
      resolve = done
    })
    const begunMs = performance.now()
    way.publish('ping', payload)
    await answered
    times.push((performance.now() - begunMs) * 500)
  }
  return median(times)
}

/** Events a second, from the first publish until the receiver has counted all. */
async function throughput(way: Way): Promise<number> {
  const done = new Promise<string>((resolve) => way.on('done', resolve))
  const begunMs = performance.now()
  for (let i = 0; i < load; i++) {
    way.publish('load', payload)
    if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve))
  }
  way.publish('end', 'x')
  const count = Number(await done)
  if (count !== load) throw new Error(`${count} of ${load} arrived`)
  return (load / (performance.now() - begunMs)) * 1000
}

async function measureEvents(stage: Stage): Promise<void> {
  const ways = { nats: await stage.nats(), relay: await stage.relay(), orbit: stage.orbit(), single: stage.single() }
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      if (only.includes('latency')) {
        note(`event, back to back, ${name} (us)`, await latency(way, trips, 0))
        note(`event, every 2 ms, ${name} (us)`, await latency(way, restedTrips, 2))
      }
      if (only.includes('throughput') && name !== 'relay') note(`events a second, ${name}`, await throughput(way))
    }
  }
}

async function each(work: (i: number) => Promise<unknown>): Promise<number> {
  const begunMs = performance.now()
  for (let i = 0; i < locks; i++) await work(i)
  return ((performance.now() - begunMs) * 1000) / locks
}

async function measureLocks({ connection, member, holder }: Stage): Promise<void> {
  const bucket = await new Kvm(jetstream(connection)).create('bench', { history: 1 })
  const bare = async (key: string) => {
    await bucket.create(key, 'x')
    await bucket.delete(key)
  }
  const [contest, own] = [member.contest(), holder.contest()]
  const ways: Record<string, (key: string) => Promise<unknown>> = {
    'bare KV': bare,
    'a member': (key) => contest.run(key, {}, () => {}),
    'the bridge process': (key) => own.run(`own.${key}`, {}, () => {}),
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      note(`lock, ${name} (us)`, await each(() => way('key')))
      note(`lock of a new key, ${name} (us)`, await each((i) => way(`key.${round}.${i}`)))
    }
  }
}

/** The 99th percentile of the time that a publisher spends in `publish`, in microseconds. */
async function publishP99({ bus }: Stage): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 3000; i++) {
    const begunMs = performance.now()
    for (let n = 0; n < 10; n++) bus.publish('bench.none', payload)
    times.push((performance.now() - begunMs) * 100)
    if (i % 20 === 0) await pause(1)
  }
  return sorted(times)[Math.floor(times.length * 0.99)] as number
}

async function measurePublishers(stage: Stage): Promise<void> {
  await stage.holder.close() // a bridge that reconnects in the publisher's own process would be measured too
  for (let i = 0; i < rounds; i++) note('publish, p99, with the server (us)', await publishP99(stage))
  await stage.killServer()
  for (let i = 0; i < rounds; i++) note('publish, p99, without it (us)', await publishP99(stage))
}

const ratios: [title: string, of: string, to: string][] = [
  ['event, back to back', 'event, back to back, orbit (us)', 'event, back to back, nats (us)'],
  ['  the relays alone', 'event, back to back, relay (us)', 'event, back to back, nats (us)'],
  ['event, every 2 ms', 'event, every 2 ms, orbit (us)', 'event, every 2 ms, nats (us)'],
  ['  the relays alone', 'event, every 2 ms, relay (us)', 'event, every 2 ms, nats (us)'],
  ['  one process a host, back to back', 'event, back to back, single (us)', 'event, back to back, nats (us)'],
  ['  one process a host, every 2 ms', 'event, every 2 ms, single (us)', 'event, every 2 ms, nats (us)'],
  ['events a second', 'events a second, orbit', 'events a second, nats'],
  ['  one process a host', 'events a second, single', 'events a second, nats'],
  ['lock, a member', 'lock, a member (us)', 'lock, bare KV (us)'],
  ['lock, the bridge process', 'lock, the bridge process (us)', 'lock, bare KV (us)'],
  ['lock of a new key, a member', 'lock of a new key, a member (us)', 'lock of a new key, bare KV (us)'],
  [
    'lock of a new key, the bridge process',
    'lock of a new key, the bridge process (us)',
    'lock of a new key, bare KV (us)',
  ],
  ['publish, p99, without the server', 'publish, p99, without it (us)', 'publish, p99, with the server (us)'],
]

const stage = new Stage()
try {
  await stage.open()
  if (only.includes('latency') || only.includes('throughput')) await measureEvents(stage)
  if (only.includes('locks')) await measureLocks(stage)
  if (only.includes('publishers')) await measurePublishers(stage)
  if (isTraced) await printStages(stage)
  for (const name of results.keys()) console.log(name.padEnd(48), result(name).toFixed(1).padStart(12))
  if (!isTraced) console.log('\nIn relation to bare NATS; for p99, to the time with the server:')
  for (const [title, of, to] of ratios) {
    if (results.has(of)) console.log(title.padEnd(48), (result(of) / result(to)).toFixed(2).padStart(12))
  }
} finally {
  await stage.close()
}
process.exit(0)
