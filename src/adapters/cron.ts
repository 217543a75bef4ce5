import type { RunCoordinator } from 'node-cron'
import { Contest, type Fleet, type Guard, orbitType } from '../index.js'

/** The runs that have ended, by their keys. */
const Done = orbitType({ name: 'node-cron.done', capacity: 1024, payloadBytes: 128 })

interface Run {
  readonly guard: Guard
  readonly renewal: NodeJS.Timeout
}

/**
 * A `RunCoordinator` for node-cron (4.x): each run of a job happens once in the fleet. The first worker runs it, and
 * the others stand by; if its process is killed or stopped, one of them begins the run again.
 *
 * Pass it as `runCoordinator`, with `distributed: true` and a `name` of at most 100 bytes.
 */
export function fleetCoordinator(fleet: Fleet): RunCoordinator {
  const contest = new Contest(fleet, { name: 'node-cron' })
  const running = new Map<string, Run>()
  return {
    // The key consists of the job's name and the scheduled time, so it is the same in every worker.
    async shouldRun(key, ttlMs) {
      const guard = await contest.claim(key, { ttlMs }) // waits while another worker holds it
      if (isDone(fleet, key)) {
        guard.release()
        return false
      }
      const renewal = setInterval(() => guard.renew(ttlMs), Math.ceil(ttlMs / 3))
      running.set(key, { guard, renewal })
      return true
    },
    onComplete(key) {
      fleet.publish(Done, Buffer.from(key)) // before the release, which lets the next worker look
      const run = running.get(key)
      running.delete(key)
      clearInterval(run?.renewal)
      run?.guard.release()
    },
  }
}

function isDone(fleet: Fleet, key: string): boolean {
  using cursor = fleet.cursor(Done, 'start')
  for (;;) {
    const { frames, from, to } = cursor.poll()
    if (frames.some(({ payload }) => Buffer.from(payload).toString() === key)) return true
    if (to === from) return false
  }
}
