import { Counters, type Fleet } from 'orbit-node'
import type { Register } from '../engine/engine.js'
import type { ShareRequest } from '../hub/service.js'

/** What the register has of a limit: which window it is, and how much of it hosts have taken. */
interface Taken {
  readonly window: number
  readonly taken: number
}

const attempts = 50

/** What a key has on this host in one window, in shared memory. */
export function limitCounters(counters: Counters, key: string, window: number, windowMs: number) {
  const counter = (sort: string) => counters.counter(`${sort}${key}.${window.toString(36)}`, { ttlMs: 2 * windowMs })
  return {
    used: counter('u'),
    /** What this host may use: all shares that it has taken. */
    granted: counter('g'),
    /** The least cost that the server has refused; 0: none. */
    refused: counter('r'),
  }
}

/** The name of the counters of limits. */
export const limitsName = 'orbit.bridge.limits'

/** Takes shares of limits for this host. Requests for one key follow each other: a host takes no two shares at once. */
export class Shares {
  readonly #fleet: Fleet
  readonly #last = new Map<string, Promise<unknown>>()
  #counters: Counters | undefined

  constructor(fleet: Fleet) {
    this.#fleet = fleet
  }

  /**
   * Takes a share, unless another process of this host has done so.
   *
   * @returns whether this host has `least` now
   * @throws ERR_ORBIT_BRIDGE_UNREACHABLE; then a share may have been taken, and is not used
   */
  borrow(register: Register, request: ShareRequest): Promise<boolean> {
    const { key, window, windowMs, least } = request
    this.#counters ??= new Counters(this.#fleet, { name: limitsName })
    const { used, granted } = limitCounters(this.#counters, key, window, windowMs)
    const before = this.#last.get(key) ?? Promise.resolve()
    const mine = before
      .catch(() => {})
      .then(async () => {
        if (granted.get() - used.get() >= least) return true
        const taken = await take(register, request)
        if (taken > 0) granted.add(taken)
        return taken > 0
      })
    this.#last.set(key, mine)
    const forget = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
    mine.then(forget, forget)
    return mine
  }
}

/** What the register has; nothing was taken if it has no value, or one that another version wrote. */
function takenIn(text: string): Taken {
  try {
    const { window, taken } = JSON.parse(text)
    if (Number.isSafeInteger(window) && Number.isSafeInteger(taken)) return { window, taken }
  } catch {}
  return { window: -1, taken: 0 }
}

/** @returns how much was taken: up to `share`, and 0 if less than `least` is left */
async function take(register: Register, { key, window, limit, share, least }: ShareRequest): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const entry = await register.get(`limit.${key}`)
    const { revision = 0, value = '' } = entry ?? {}
    const found = takenIn(value)
    if (found.window > window) return 0 // the clock of another host is ahead, and this window is over
    const taken = found.window === window ? found.taken : 0
    const granted = Math.min(share, limit - taken)
    if (granted < least) return 0
    const next: Taken = { window, taken: taken + granted }
    if ((await register.swap(`limit.${key}`, JSON.stringify(next), revision)) !== undefined) return granted
  }
  return 0
}
