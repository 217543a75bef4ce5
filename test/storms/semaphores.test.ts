import { expect, it } from 'vitest'
import { type Guard, Semaphore } from '../../src/index.js'
import { fleetName, joinShm } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { generator, newSeed } from '../help/random.js'
import { isLinux } from '../help/system.js'

const stormMs = Number(process.env['ORBIT_STORM_SECONDS'] ?? 3) * 1000
const permits = 3
const takers = 6
const options = { name: 'exports', permits }

function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/** The times at which the number of permits that are had for certain changes, and by how much. */
type Change = readonly [ms: number, by: 1 | -1]

/** Notes when a process took permits and gave them back. Those that it had when it was killed end with it. */
async function listen(child: Child, changes: Change[], diedAt: () => number): Promise<void> {
  let had = 0
  for (let said = await child.heard<[string, number]>(); said !== undefined; said = await child.heard()) {
    const [what, ms] = said
    // What it said after the moment before it was killed counts for nothing.
    if (ms > diedAt()) continue
    had += what === 'took' ? 1 : -1
    changes.push([ms, what === 'took' ? 1 : -1])
  }
  for (; had > 0; had--) changes.push([diedAt(), -1])
}

/** The most permits that were had at once for certain. */
function mostAtOnce(changes: readonly Change[]): number {
  let [now, most] = [0, 0]
  // At the same time, the permit that is given back first.
  for (const [, by] of [...changes].sort(([a, by], [b, other]) => a - b || by - other)) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

it.runIf(isLinux)(
  'never gives out more permits than there are, and has all again, while processes are killed and stopped',
  { timeout: stormMs + 60_000 },
  async () => {
    const random = generator(newSeed('semaphores'))
    const name = fleetName()
    const semaphore = new Semaphore(joinShm(name, { size: 16 }), options)
    const changes: Change[] = []
    const counts = { kills: 0, stops: 0 }
    const end = nowMs() + stormMs
    const pause = (mostMs: number) => new Promise((resolve) => setTimeout(resolve, random(mostMs)))
    /** One process after the other takes permits and is killed, half of them while they are stopped. */
    const lives = async () => {
      while (nowMs() < end) {
        const child = start('actor.mjs', ['semaphore', 'taker', name, options])
        expect(await child.next()).toEqual(['ready'])
        let diedAt = Number.POSITIVE_INFINITY
        const listened = listen(child, changes, () => diedAt)
        await pause(50)
        if (random(2) === 0) {
          await child.stop()
          await pause(50)
          counts.stops++
        }
        diedAt = nowMs()
        await child.kill()
        await listened
        counts.kills++
      }
    }
    await Promise.all(Array.from({ length: takers }, lives))
    const guards: Guard[] = []
    for (let i = 0; i < permits; i++) guards.push((semaphore.tryAcquire({ ttlMs: 'life' }) as { guard: Guard }).guard)
    expect(guards.map((guard) => guard?.held)).toEqual(guards.map(() => true))
    expect(semaphore.tryAcquire({ ttlMs: 'life' })).toHaveProperty('yieldTo')
    expect(mostAtOnce(changes)).toBeLessThanOrEqual(permits)
    const taken = changes.filter(([, by]) => by === 1).length
    expect(taken).toBeGreaterThan(0)
    console.log(`semaphores: ${taken} permits taken, ${counts.kills} kills, ${counts.stops} stops`)
  },
)
