// A job that runs once a second in the whole fleet. The workers elect the one that runs it.
import { setTimeout as sleep } from 'node:timers/promises'
import { Contest, type Fleet, type OrbitEventBus } from '../src/index.js'
import { type JobRan, job } from './types.js'

const everyMs = 1000
/** A blocked worker is replaced after this time, and a dead one as soon as another worker notices. */
const ttlMs = 1500

/** Waits until this worker is elected, then runs the job until another one is. Never ends. */
export async function runJob(fleet: Fleet, bus: OrbitEventBus): Promise<never> {
  const contest = new Contest(fleet)
  for (;;) {
    const guard = await contest.claim(job, { ttlMs, owner: `node ${fleet.node}` })
    while (guard.renew(ttlMs)) {
      bus.publishJson('job.ran', { token: guard.token } satisfies JobRan)
      await sleep(everyMs)
    }
  }
}
