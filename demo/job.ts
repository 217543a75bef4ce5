// A job that runs once a second in the whole fleet, whoever of the workers is elected to run it.
import { setTimeout as sleep } from 'node:timers/promises'
import { Contest, type Fleet, type OrbitEventBus } from '../src/index.js'
import { type JobRan, job } from './types.js'

const everyMs = 1000
/** A worker that hangs is replaced after this; one that dies, as soon as the others look: within a second. */
const ttlMs = 1500

/** Waits to be elected, then works until it is not any more; for ever. */
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
