// An HTTP worker: it answers requests, publishes a frame for each, and stores its load four times a second. It does not
// know which processes read them.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Counters, codecs, Orbital, OrbitEventBus, RateLimiter, TypedCache } from '../src/index.js'
import { runJob } from './job.js'
import { Ledger } from './ledger.js'
import { joinFromEnvironment, onEnd } from './member.js'
import {
  busOptions,
  counterNames,
  eventPod,
  exportKey,
  exportLimit,
  page,
  RequestEvent,
  StepEvent,
  seal,
  stepsPerRequest,
  WorkerLoad,
} from './types.js'

const fleet = joinFromEnvironment('http worker')
const { node } = fleet
// The incarnation counts the processes that have owned this node.
const incarnation = fleet.nodes().find((record) => record.node === node)?.incarnation ?? 0
const load = new Orbital(fleet, WorkerLoad)
const bus = new OrbitEventBus(fleet, busOptions)
const pages = new TypedCache(fleet, { codec: codecs.text(), namespace: 'pages' })

// Counters and limits belong to the fleet: a new worker goes on where its dead predecessor was.
const counters = new Counters(fleet)
const counted = counters.counter(counterNames.requests)
const allowed = counters.counter(counterNames.exports)
const limiter = new RateLimiter(fleet, exportLimit)
const atStart = { counted: counted.get(), exported: limiter.peek(exportKey).count }

// A new worker finds the recent frames of the fleet in the ring, including those of its dead predecessor.
const past = new Ledger()
past.take(fleet.cursor(RequestEvent, 'start').poll())
const history = past.frames
const predecessors = past.countBefore(node, incarnation)

let requests = 0
let steps = 0
let inFlight = 0

/** Does some work in steps, and publishes the frames of all steps in one call. */
function work(): string {
  const { byteLength } = eventPod
  const records = new Uint8Array(stepsPerRequest * byteLength)
  let text = 'orbit'
  for (let i = 0; i < stepsPerRequest; i++) {
    const begun = performance.now()
    text = createHash('sha256').update(text.repeat(16)).digest('hex')
    const durationUs = Math.round((performance.now() - begun) * 1000)
    const event = seal({ node, incarnation, sequence: ++steps, status: i, durationUs })
    eventPod.encode(event, records.subarray(i * byteLength))
  }
  fleet.publishPacked(StepEvent, records)
  return text
}

async function render(): Promise<string> {
  await sleep(20) // simulates expensive work
  bus.publish('page.rendered')
  return `rendered by node ${node} at ${new Date().toISOString()}`
}

const server = createServer(async (_request, response) => {
  inFlight++
  response.once('close', () => inFlight--)
  const begun = performance.now()
  await sleep(2 + Math.random() * 10) // simulates a database query
  const shown = await pages.getOrSet(page.key, render, { ttlMs: page.ttlMs })
  const isExported = limiter.allows(exportKey)
  if (isExported) allowed.add()
  const body = `${shown}\n${work()}\n${isExported ? 'exported' : 'over the limit of exports'}`
  const durationUs = Math.round((performance.now() - begun) * 1000)
  const event = seal({ node, incarnation, sequence: ++requests, status: 200, durationUs })
  // Publish before the answer: then every answered request is in the ring, even if this process dies now.
  fleet.publish(RequestEvent, eventPod.encode(event))
  bus.publish(`request.${node}`)
  counted.add()
  response.end(body)
})
// Connections end after some requests, so that a new worker gets its share of them.
server.maxRequestsPerSocket = 40

const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()
let previous = { at: performance.now(), cpu: process.cpuUsage(), requests: 0 }

function report(): void {
  const now = { at: performance.now(), cpu: process.cpuUsage(), requests }
  const elapsedMs = Math.max(now.at - previous.at, 1)
  const cpuUs = now.cpu.user + now.cpu.system - previous.cpu.user - previous.cpu.system
  load.store({
    incarnation,
    port: (server.address() as AddressInfo).port,
    requests,
    frames: requests + steps,
    inFlight,
    perSecond: ((requests - previous.requests) * 1000) / elapsedMs,
    // A sample is a whole interval of the timer. The part above the resolution is the delay.
    loopDelayMs: Math.max(0, loop.mean / 1e6 - 10) || 0,
    cpuPercent: cpuUs / 10 / elapsedMs,
    rssBytes: process.memoryUsage.rss(),
    history,
    predecessors,
    ...atStart,
  })
  loop.reset()
  previous = now
}

// With port 0 the cluster gives all workers the same free port.
server.listen(0, '127.0.0.1', () => {
  report()
  setInterval(report, 250)
  runJob(fleet, bus)
})
onEnd(fleet, () => {
  if (server.listening) report()
  process.exit(0)
})
