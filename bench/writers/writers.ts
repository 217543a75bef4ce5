import { Fleet, type OrbitType, orbitType } from '../../src/index.js'
import { Child } from '../child.js'

/** What a writer is told before it goes to the barrier. */
export interface Start {
  readonly warmUpNs: number
  /** Who opens the barrier. */
  readonly parentNode: number
}

/** What a writer did: its times, its first and last position, and how many frames it published. */
export interface Written {
  readonly startedNs: string
  readonly endedNs: string
  readonly first: number
  readonly last: number
  readonly frames: number
}

/** One storm: so many writers on one ring, all at once. */
export interface Storm {
  readonly writers: number
  readonly frames: number
  readonly seconds: number
  readonly framesPerSecond: number
  /** Did the head move by just as many positions as the writers published frames, and each writer stay within? */
  readonly isConsistent: boolean
  readonly headBefore: number
  readonly headAfter: number
  readonly each: Written[]
}

export const stormPayloadBytes = 64
export const storm: OrbitType = orbitType({ name: 'Storm', kind: 1, payloadBytes: stormPayloadBytes })
export const barrierType = (name: string, kind: number): OrbitType =>
  orbitType({ name, kind, payloadBytes: stormPayloadBytes })

/**
 * Lets `writers` processes publish 64 bytes each, as fast as they can, for a fixed time, on one shared ring.
 *
 * @param options.fleet a name that nobody else uses; the caller removes what is left of it
 */
export async function measureWriters(
  writers: number,
  options: { fleet: string; seconds: number; started: (child: Child) => void },
): Promise<Storm> {
  using fleet = Fleet.joinShm(options.fleet, { size: 8, lifetime: 'fleet' })
  const children = Array.from({ length: writers }, (_, i) => new Child('writer', [options.fleet], `writer ${i}`))
  children.forEach(options.started)
  await Promise.all(children.map((child) => child.answer()))
  const headBefore = fleet.head(storm)

  const barrier = barrierType('barrier', 3)
  const answers = children.map((child) => child.answer<Written>())
  const start: Start = { warmUpNs: Math.round(options.seconds * 0.5e9), parentNode: fleet.node }
  for (const child of children) child.send(start)
  // A writer that ends before its frame comes fails its answer, and so the storm.
  const failed = Promise.all(answers)
  let hasFailed = false
  failed.catch(() => {
    hasFailed = true
  })
  while (fleet.head(barrier) < writers && !hasFailed) await new Promise((resolve) => setTimeout(resolve, 2))
  const startNs = process.hrtime.bigint() + 20_000_000n
  const endNs = startNs + BigInt(Math.round(options.seconds * 1e9))
  fleet.publish(barrier, new Uint8Array(BigUint64Array.of(startNs, endNs).buffer), { frameKind: 1 })

  const each = await failed
  await Promise.all(children.map((child) => child.end()))
  const headAfter = fleet.head(storm)
  const frames = each.reduce((sum, { frames }) => sum + frames, 0)
  const begin = Math.min(...each.map(({ startedNs }) => Number(BigInt(startedNs) - startNs)))
  const end = Math.max(...each.map(({ endedNs }) => Number(BigInt(endedNs) - startNs)))
  const seconds = (end - begin) / 1e9
  const isWithin = ({ first, last, frames }: Written) =>
    first >= headBefore && last < headAfter && last - first + 1 >= frames
  return {
    writers,
    frames,
    seconds,
    framesPerSecond: frames / seconds,
    isConsistent: headAfter - headBefore === frames && each.every(isWithin),
    headBefore,
    headAfter,
    each,
  }
}
