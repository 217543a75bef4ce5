// The clients: real HTTP requests over loopback at a bounded rate. Even the port comes from shared memory.
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Orbital } from '../src/index.js'
import { joinAsTold, onEnd } from './member.js'
import { ClientReport, longestRunSeconds, requestsPerSecond, WorkerLoad, workerCount } from './types.js'

const maxInFlight = 32
/** The rings are as large as this: nothing in them is overwritten during a run. */
const maxRequests = requestsPerSecond * longestRunSeconds

const fleet = joinAsTold('http load')
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
  // The time limit is for a connection that a dying worker took with it: nobody would ever answer on it.
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
  // What could not be sent when it was due is let go: a slow machine gets less load, not a queue.
  const wanted = ((performance.now() - begun) / 1000) * requestsPerSecond
  for (; due < wanted; due++) {
    if (sent < maxRequests && sent - answered - failed < maxInFlight) request(port)
  }
  report.store({ sent, answered, failed })
}
while (answered + failed < sent) await sleep(10)
report.store({ sent, answered, failed })
process.exit(0)
