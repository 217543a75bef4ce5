// The clients: HTTP requests over loopback at a limited rate. They find the port in shared memory.
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Orbital } from '../../layers/orbital.js'
import { ClientReport, longestRunSeconds, requestsPerSecond, WorkerReport, workerCount } from './contract.js'
import { joinAsTold } from './member.js'

const maxInFlight = 32
/** The ring has room for this many requests, so no frame is overwritten during a run. */
const maxRequests = requestsPerSecond * longestRunSeconds

/** Sends requests until SIGTERM, and ends when all have been answered or have failed. */
export async function sendRequests(): Promise<void> {
  let [sent, answered, failed] = [0, 0, 0]
  let isEnding = false
  const fleet = joinAsTold(() => `${sent} sent, ${answered} answered`)
  const workers = new Orbital(fleet, WorkerReport)
  const counts = new Orbital(fleet, ClientReport)
  const agent = new Agent({ keepAlive: true, scheduling: 'fifo' })
  const request = (port: number) => {
    sent++
    let isComplete = false
    // The timeout is for connections to a worker that has died: no answer comes on them.
    const outgoing = get({ host: '127.0.0.1', port, agent, timeout: 1000 }, (response) => {
      response.resume().once('end', () => {
        isComplete = true
      })
    })
    outgoing.once('timeout', () => outgoing.destroy())
    outgoing.on('error', () => {})
    outgoing.once('close', () => (isComplete ? answered++ : failed++))
  }
  process.once('SIGTERM', () => {
    isEnding = true
  })
  while (workers.loadPerNode().size < workerCount && !isEnding) await sleep(10)
  const [report] = workers.loadPerNode().values()
  const begun = performance.now()
  for (let due = 0; !isEnding && report !== undefined; ) {
    await sleep(10)
    // Requests that could not be sent in time are skipped: a slow machine gets less load, not a queue.
    const wanted = ((performance.now() - begun) / 1000) * requestsPerSecond
    for (; due < wanted; due++) {
      if (sent < maxRequests && sent - answered - failed < maxInFlight) request(report.port)
    }
    counts.store({ sent, answered, failed })
  }
  while (answered + failed < sent) await sleep(10)
  counts.store({ sent, answered, failed })
  process.exit()
}
