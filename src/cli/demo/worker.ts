// An HTTP worker: it answers requests, and publishes a frame for each step of its work. It does not know which
// processes read them.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from '../../core/fleet.js'
import { OrbitEventBus } from '../../layers/bus.js'
import { codecs } from '../../layers/codecs.js'
import { Contest } from '../../layers/contest.js'
import { Counters } from '../../layers/counters.js'
import { Orbital } from '../../layers/orbital.js'
import { RateLimiter } from '../../layers/ratelimiter.js'
import { TypedCache } from '../../layers/typedcache.js'
import * as contract from './contract.js'
import { Ledger } from './ledger.js'
import { joinAsTold } from './member.js'

const { byteLength } = contract.stepPod

/** Waits until this worker is elected, then runs the job until another one is. Never ends. */
async function runJob(fleet: Fleet, bus: OrbitEventBus): Promise<never> {
  const contest = new Contest(fleet)
  for (;;) {
    const guard = await contest.claim(contract.job, { ttlMs: 1500, owner: `node ${fleet.node}` })
    while (guard.renew(1500)) {
      bus.publish('job.ran', String(guard.token))
      await sleep(1000)
    }
  }
}

/** What a worker finds in shared memory: the frames of the fleet, its own predecessors, and what the fleet counted. */
function foundBy(fleet: Fleet, incarnation: number, counted: number, exported: number) {
  const past = new Ledger()
  past.take(fleet.cursor(contract.Step, 'start').poll())
  let predecessors = 0
  for (let earlier = 1; earlier < incarnation; earlier++) predecessors += past.count(fleet.node, earlier)
  return { incarnation, history: past.frames, predecessors, counted, exported }
}

/** Serves until SIGTERM. */
export function serveRequests(): void {
  let [requests, inFlight, steps] = [0, 0, 0]
  const fleet = joinAsTold(() => `${requests} requests, ${inFlight} in flight`)
  const { node } = fleet
  const bus = new OrbitEventBus(fleet, contract.busOptions)
  const pages = new TypedCache(fleet, { codec: codecs.text() })
  // Counters and limits belong to the fleet: a new worker goes on where its dead predecessor was.
  const counters = new Counters(fleet)
  const counted = counters.counter(contract.counterNames.requests)
  const exported = counters.counter(contract.counterNames.exports)
  const limiter = new RateLimiter(fleet, contract.exportLimit)
  const incarnation = fleet.nodes().find((record) => record.node === node)?.incarnation ?? 0
  const found = foundBy(fleet, incarnation, counted.get(), limiter.peek(contract.exportKey).count)
  const reports = new Orbital(fleet, contract.WorkerReport)
  const render = async () => {
    await sleep(20) // simulates expensive work
    bus.publish('page.rendered')
    return `rendered by node ${node}`
  }
  const step = (text: string): [hash: string, step: contract.StepValue] => {
    const begun = performance.now()
    const hash = createHash('sha256').update(text.repeat(16)).digest('hex')
    const fields = { incarnation, sequence: ++steps, durationUs: Math.round((performance.now() - begun) * 1000) }
    return [hash, { ...fields, checksum: contract.checksumOf(node, fields) }]
  }
  const server = createServer(async (_request, response) => {
    inFlight++
    response.once('close', () => inFlight--)
    await sleep(2 + Math.random() * 10) // simulates a database query
    let text = await pages.getOrSet('/', render, { ttlMs: 500 })
    if (limiter.allows(contract.exportKey)) exported.add()
    const records = new Uint8Array(contract.stepsPerRequest * byteLength)
    for (let at = 0; at < records.length; at += byteLength) {
      const [hash, value] = step(text)
      text = hash
      contract.stepPod.encode(value, records.subarray(at))
    }
    // Publish before the answer: then every answered request is in the ring, even if this process dies now.
    fleet.publishPacked(contract.Step, records)
    bus.publish('request.served')
    counted.add()
    requests++
    response.end(text)
  })
  // Connections end after some requests, so that a new worker gets its share of them.
  server.maxRequestsPerSocket = 40
  const report = () => {
    const { port } = server.address() as AddressInfo
    reports.store({ ...found, port, steps })
  }
  // With port 0 the cluster gives all workers the same free port.
  server.listen(0, '127.0.0.1', () => {
    report()
    setInterval(report, 250)
    runJob(fleet, bus)
  })
  process.once('SIGTERM', () => {
    if (server.listening) report()
    process.exit()
  })
}
