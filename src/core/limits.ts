import { outOfRange, wrongType } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { closedError, objectText, readOnlyError } from './handle.js'
import { abi, native, status, translated } from './native.js'
import type { FleetObserver } from './observer.js'
import { giveNumber, giveRing, scratch } from './scratch.js'

/** How a limiter counts. The place is the number that the addon knows it by. */
export const algorithms = ['gcra', 'fixed', 'sliding'] as const
/** What becomes of a fixed window that is hit when its count is over the limit, in the addon's order. */
export const overs = ['keep', 'renew', 'double'] as const

/** One rate limiter, with the table of the fleet that has its keys. */
export interface LimiterSpec {
  readonly name: string
  readonly algorithm: number
  readonly limit: number
  readonly windowMs: number
  readonly burst: number
  /** Keys alive at once; undefined: as in the table that exists. */
  readonly keys: number | undefined
}

const countIndex = abi.limitCount >> 3
const remainingIndex = abi.limitRemaining >> 3
const resetIndex = abi.limitResetMs >> 3
const retryIndex = abi.limitRetryAfterMs >> 3

/** How many the key has taken, as far as they still count. */
export const limitCount = (): number => scratch.floats[countIndex] as number
/** How many the key could take now. */
export const limitRemaining = (): number => scratch.floats[remainingIndex] as number
/** Milliseconds until the key is as if it had taken none. */
export const limitResetMs = (): number => scratch.floats[resetIndex] as number
/** Milliseconds until the same call would be allowed; 0: it was. */
export const limitRetryAfterMs = (): number => scratch.floats[retryIndex] as number

const defaultKeys = 16_384
/** A key finds no room about once in a million times when a quarter of the entries are in use. */
const entriesPerKey = 4
const minEntries = 64

/** The size of a table for so many keys at once. */
export function entriesFor(keys = defaultKeys): number {
  const entries = 2 ** Math.ceil(Math.log2(keys * entriesPerKey))
  return Math.max(minEntries, entries)
}

/** A limiter that is open. Calls leave what they found in the scratch, and return 1 or 0, or `status.full`. */
export class Limits {
  readonly entries: number
  readonly what: string
  /** The fleet handle, which is not collected as long as the limiter is used. */
  readonly opener: object
  readonly #handle: number

  private constructor(opener: object, name: string, { handle, entries }: { handle: number; entries: number }) {
    this.opener = opener
    this.#handle = handle
    this.entries = entries
    this.what = objectText(name, abi.limitsKind)
  }

  /** Undefined: an observer finds no table. */
  static open(fleet: FleetObserver, spec: LimiterSpec): Limits | undefined {
    fleet.checkOpen()
    const { keys, ...limiter } = spec
    const table = { kind: abi.limitsKind, entries: entriesFor(keys), isAsked: keys !== undefined }
    const opened = translated(() => native.openLimiter(fleet.handle, { ...limiter, ...table }))
    return opened && new Limits(fleet, spec.name, opened)
  }

  take(key: string, cost: number): number {
    giveRing(this.#handle, 0)
    giveNumber(cost)
    const result = native.limiterTake(key)
    return result === undefined ? 1 : this.#orThrow(result, key)
  }

  peek(key: string, cost: number): number {
    giveRing(this.#handle, 0)
    giveNumber(cost)
    return this.#orThrow(native.limiterPeek(key), key)
  }

  hit(key: string, cost: number, over: number): number {
    return this.#orThrow(native.limiterHit(this.#handle, key, cost, over), key)
  }

  /** A window that begins lasts `windowMs`. */
  adjust(key: string, amount: number, windowMs: number): number {
    return this.#orThrow(native.limiterAdjust(this.#handle, key, amount, windowMs), key)
  }

  block(key: string, ms: number): number {
    return this.#orThrow(native.limiterBlock(this.#handle, key, ms), key)
  }

  set(key: string, count: number, ms: number): number {
    return this.#orThrow(native.limiterSet(this.#handle, key, count, ms), key)
  }

  reset(key: string): number {
    return this.#orThrow(native.limiterReset(this.#handle, key), key)
  }

  /** The error of a full table. */
  fullError(): OrbitError {
    const text = `the table has ${this.entries} entries, and none is free for this key: pass a larger \`keys\``
    return new OrbitError('ERR_ORBIT_TABLE_FULL', `${this.what}: ${text}`)
  }

  #orThrow(result: number, key: string): number {
    if (result >= 0 || result === status.full) return result
    if (result === status.tooLarge) throw keyError(key)
    if (result === status.malformed) throw outOfRange('key', key, 'well-formed UTF-16, without unpaired surrogates')
    if (result === status.closed) throw closedError(this.what)
    if (result === status.readOnly) throw readOnlyError(this.what)
    if (result === status.retired) {
      throw new OrbitError('ERR_ORBIT_RETIRED', `${this.what}: it was removed; join the fleet again`)
    }
    const text = 'its entry was changed 65536 times during one call; remove the table to begin anew'
    throw new OrbitError('ERR_ORBIT_CORRUPT', `${this.what}: ${text}`)
  }
}

function keyError(key: unknown): TypeError | RangeError {
  const expected = `a string of 1..${abi.maxLimitKeyBytes} bytes in UTF-8`
  return typeof key === 'string' ? outOfRange('key', key, expected) : wrongType('key', key, expected)
}
