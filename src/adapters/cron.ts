import type { RunCoordinator } from 'node-cron'
import { Contest, type Fleet, orbitType } from '../index.js'

/** The runs that have ended, by their keys. */
const Done = orbitType({ name: 'node-cron.done', capacity: 1024, payloadBytes: 128 })

/**
 * A `RunCoordinator` for node-cron (4.x): each run of a job happens once in the fleet. The first worker runs it, and
 * the others stand by; if its process is killed or stopped, one of them begins the run again.
 *
 * Pass it as `runCoordinator`, with `distributed: true` and a `name` of at most 100 bytes.
 */
export function fleetCoordinator(fleet: Fleet): RunCoordinator {
  const contest = new Contest(fleet, { name: 'node-cron' })
  /** What ends the runs of this process, by their keys. */
  const running = new Map<string, () => void>()
  return {
    // The key consists of the job's name and the scheduled time, so it is the same in every worker.
    shouldRun(key, ttlMs) {
      return new Promise((resolve, reject) => {
        const run = async (): Promise<void> => {
          const isNew = !isDone(fleet, key)
          resolve(isNew)
          if (isNew) await new Promise<void>((end) => running.set(key, end))
        }
        contest.run(key, { ttlMs }, run).catch(reject) // waits while another worker holds the key
      })
    },
    onComplete(key) {
      fleet.publish(Done, Buffer.from(key)) // before the release, which lets the next worker look
      running.get(key)?.()
      running.delete(key)
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
