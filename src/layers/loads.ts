import { isUtf8 } from 'node:buffer'
import { OrbitError } from '../base/errors.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import type { Subject } from '../core/table.js'
import type { CacheBytes } from './cache.js'
import { defaultOwner } from './claim.js'
import { Contest } from './contest.js'
import { Flight, type LoadCaller, type LoadTarget } from './flight.js'
import { Guard } from './guard.js'
import type { Refusal } from './waitingline.js'

const loadKind = 255

/** Refusals of a claim after which a load goes on without one. */
const noRoom = new Set<string>(['ERR_ORBIT_TABLE_FULL', 'ERR_ORBIT_NO_SPACE'])

const ofFleets = new WeakMap<FleetObserver, Loads>()

/** The loads of one fleet handle: at most one flight for each key at a time. */
export class Loads {
  readonly #fleet: FleetObserver
  readonly #flights = new Map<string, Flight>()
  #contest: Contest | undefined

  private constructor(fleet: FleetObserver) {
    this.#fleet = fleet
  }

  /** Those of a fleet handle, the same for all its caches. */
  static of(fleet: FleetObserver): Loads {
    const known = ofFleets.get(fleet)
    if (known !== undefined) return known
    const loads = new Loads(fleet)
    ofFleets.set(fleet, loads)
    return loads
  }

  /**
   * Joins the flight of a key, or begins one.
   *
   * @param space sets keys apart: what spaceOf returned
   * @param stored what another process has stored since this call
   * @returns the bytes of the value; undefined: the load returned undefined
   */
  load(
    space: string,
    key: CacheBytes,
    caller: LoadCaller,
    stored: () => Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    const subject = subjectOfLoad(space, key)
    const target = this.#target(subject, key, stored)
    return Flight.within(target, () => this.#join(subject.label, target, caller))
  }

  /**
   * Begins a load for which no caller waits.
   *
   * @param space sets keys apart: what spaceOf returned
   * @param stored what another process has stored since this call
   * @returns undefined: the key is being loaded, in this thread or in another process
   */
  reload(
    space: string,
    key: CacheBytes,
    caller: LoadCaller,
    stored: () => Uint8Array | undefined,
  ): Promise<unknown> | undefined {
    const subject = subjectOfLoad(space, key)
    if (this.#flights.has(subject.label)) return undefined
    const claim = this.#claim(subject, caller.leaseMs)
    if (claim !== undefined && !(claim instanceof Guard)) return undefined
    const target = { ...this.#target(subject, key, stored), claim: () => claim }
    return Flight.apart(() => this.#join(subject.label, target, caller))
  }

  #target(subject: Subject, key: CacheBytes, stored: () => Uint8Array | undefined): LoadTarget {
    return {
      key,
      id: `${this.#fleet.id}/${subject.label}`,
      stored,
      claim: (leaseMs) => this.#claim(subject, leaseMs),
      untilFree: (refusal, signal) => this.#contestNow().untilFree(refusal, Number.POSITIVE_INFINITY, signal, false),
      keepAlive: (isWanted) => (isWanted ? this.#fleet.bell.ref() : this.#fleet.bell.unref()),
    }
  }

  #join(label: string, target: LoadTarget, caller: LoadCaller): Promise<Uint8Array | undefined> {
    const known = this.#flights.get(label)
    if (known !== undefined) return known.join(caller)
    const flight = new Flight(target, caller, () => this.#flights.delete(label))
    this.#flights.set(label, flight)
    return flight.join(caller)
  }

  #claim(subject: Subject, leaseMs: number): Guard | Refusal | undefined {
    try {
      return this.#contestNow().tryClaimChecked(subject, leaseMs, defaultOwner())
    } catch (error) {
      if (error instanceof OrbitError && noRoom.has(error.code)) return undefined
      throw error
    }
  }

  #contestNow(): Contest {
    this.#contest ??= new Contest(this.#fleet)
    return this.#contest
  }
}

const counted = (text: string): string => `${Buffer.byteLength(text)}:${text}`

/** A text for the keys of one namespace of a cache. It begins no text of another one. */
export const spaceOf = (cache: string | undefined, namespace: string): string =>
  `${cache === undefined ? '' : `=${counted(cache)}`}${counted(namespace)}`

/** The subject of a load. It is the same for a key as a string and as bytes. */
function subjectOfLoad(space: string, key: CacheBytes): Subject {
  const head = Buffer.from(space)
  const bytes = Buffer.concat([head, typeof key === 'string' ? Buffer.from(key) : key])
  const isLabel = bytes.length <= abi.maxSubjectBytes && !bytes.includes(0) && isUtf8(bytes)
  const label = isLabel
    ? bytes.toString()
    : process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex')
  return { kind: loadKind, label }
}
