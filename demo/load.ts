// The clients: HTTP requests over loopback at a limited rate. They find the port in shared memory.
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Orbital } from '../src/index.js'
import { joinFromEnvironment, onEnd } from './member.js'
import { ClientReport, longestRunSeconds, requestsPerSecond, WorkerLoad, workerCount } from './types.js'

const maxInFlight = 32
/** The rings have room for this many requests, so no frame is overwritten during a run. */
const maxRequests = requestsPerSecond * longestRunSeconds

const fleet = joinFromEnvironment('http load')
const loads = new Orbital(fleet, WorkerLoad)
const report = new Orbital(fleet, ClientReport)
const agent = new Agent({ keepAlive: true, scheduling: 'fifo' })
let sent = 0
let answered = 0
let failed = 0
let ending = false
onEnd(fleet, () => {
  ending = true
})

async function portOfWorkers(): Promise<number> {
  for (;;) {
    const [first, ...others] = loads.loadPerNode().values()
    if (first !== undefined && others.length + 1 === workerCount) return first.port
    if (ending) process.exit(0)
    await sleep(10)
  }
}

function request(port: number): void {
  sent++
  let complete = false
  // The timeout is for connections to a worker that has died: no answer comes on them.
  const outgoing = get({ host: '127.0.0.1', port, agent, timeout: 1000 }, (response) => {
    response.resume().once('end', () => {
      complete = response.statusCode === 200
    })
  })
  outgoing.once('timeout', () => outgoing.destroy())
  outgoing.on('error', () => {})
  outgoing.once('close', () => {
    if (complete) answered++
    else failed++
  })
}

const port = await portOfWorkers()
const begun = performance.now()
for (let due = 0; !ending; ) {
  await sleep(10)
  // Requests that could not be sent in time are skipped: a slow machine gets less load, not a queue.
  const wanted = ((performance.now() - begun) / 1000) * requestsPerSecond
  for (; due < wanted; due++) {
    if (sent < maxRequests && sent - answered - failed < maxInFlight) request(port)
  }
  report.store({ sent, answered, failed })
}
while (answered + failed < sent) await sleep(10)
report.store({ sent, answered, failed })
process.exit(0)
