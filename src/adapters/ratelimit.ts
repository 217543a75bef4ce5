import { createHash } from 'node:crypto'
import { type Fleet, RateLimiter, type RateLimiterOptions } from '../index.js'

/** Options of a store of rate limits: its name, and the options of the table. */
export interface RateLimitStoreOptions extends Pick<RateLimiterOptions, 'keys' | 'whenFull'> {
  /** Stores of one name share their counts, 1..64 bytes of UTF-8; default 'http'. */
  name?: string
}

/** How often a client has hit, and when its window ends. */
export interface ClientHits {
  /** The hits in the window; they go beyond the limit. 0: all of them were taken back. */
  totalHits: number
  /** When the window ends. */
  resetTime: Date
}

/** The counts of these stores go beyond the limits of their libraries, which compare them. */
const maxLimit = 16_777_214
/** The longest window, 398 days: a limit without an end. */
const maxWindowMs = 2 ** 35

function limiterOf(fleet: Fleet, options: RateLimitStoreOptions, windowMs: number, limit = maxLimit): RateLimiter {
  const { name = 'http', ...table } = options
  return new RateLimiter(fleet, { ...table, name, limit, windowMs, algorithm: 'fixed' })
}

/** Clients choose keys: one that a limiter does not take is replaced by its hash. */
function keyOf(key: string): string {
  const isTaken = key !== '' && key.length <= 256 && key.isWellFormed()
  return isTaken ? key : `sha256 ${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`
}

/**
 * A store for express-rate-limit (8.x) and for hono-rate-limiter (0.5.x) that counts in all processes of a fleet:
 * `rateLimit({ windowMs, limit, store: new RateLimitStore(fleet) })`. Give each limiter of an application a name of its
 * own. The middleware calls the methods.
 */
export class RateLimitStore {
  /** Clients count in all processes, and not in each. */
  readonly localKeys = false
  /** Tells this store from others of the same application. */
  readonly prefix: string
  readonly #fleet: Fleet
  readonly #options: RateLimitStoreOptions
  #limiter: RateLimiter | undefined

  /** @throws TypeError or RangeError for wrong options, when the middleware is made; what `RateLimiter` throws */
  constructor(fleet: Fleet, options: RateLimitStoreOptions = {}) {
    this.#fleet = fleet
    this.#options = options
    this.prefix = `${options.name ?? 'http'}:`
  }

  /** Learns the window of the middleware. */
  init(options: { windowMs: number }): void {
    this.#limiter = limiterOf(this.#fleet, this.#options, options.windowMs)
  }

  /** The hits of a client; undefined: it has no window. */
  get(key: string): ClientHits | undefined {
    const { count, resetMs } = this.#open().peek(keyOf(key))
    return resetMs === 0 ? undefined : hitsOf(count, resetMs)
  }

  /** Counts a hit. */
  increment(key: string): ClientHits {
    const { count, resetMs } = this.#open().hit(keyOf(key))
    return hitsOf(count, resetMs)
  }

  /** Takes a hit back, within its window. */
  decrement(key: string): void {
    this.#open().reward(keyOf(key))
  }

  /** Forgets a client. */
  resetKey(key: string): void {
    this.#open().reset(keyOf(key))
  }

  #open(): RateLimiter {
    if (this.#limiter === undefined) throw new Error('the store has no window yet: give it to a rate limiter first')
    return this.#limiter
  }
}

const hitsOf = (totalHits: number, resetMs: number): ClientHits => ({
  totalHits,
  resetTime: new Date(Date.now() + resetMs),
})

/** What @fastify/rate-limit tells a store of its options. */
export interface FastifyStoreOptions {
  /** Whether each hit over the limit begins the window anew. */
  continueExceeding?: boolean | undefined
  /** Whether each hit over the limit doubles the window. */
  exponentialBackoff?: boolean | undefined
  /** The route that has a limit of its own. */
  routeInfo?: FastifyRoute | undefined
}

/** What `fastifyStore` uses of a route: its method and its path. */
export interface FastifyRoute {
  /** The method, or a list of them. */
  method?: unknown
  /** The path. */
  url?: unknown
}

/** What @fastify/rate-limit asks of a store. */
export interface FastifyStore {
  /** Counts a hit of a client in a window of `timeWindow` milliseconds. */
  incr(key: string, callback: FastifyCallback, timeWindow: number, max: number): void
  /** Tells the hits of a client, and counts none. */
  read(key: string, callback: FastifyCallback, timeWindow: number, max?: number): void
  /** Makes the store of a route of its options, of which `FastifyStoreOptions` are used. */
  child(routeOptions: object): FastifyStore
}

/** How @fastify/rate-limit gets its answer: the hits in the window, and the milliseconds until it ends. */
export type FastifyCallback = (error: Error | null, result?: { current: number; ttl: number }) => void

/**
 * Makes a store for @fastify/rate-limit (11.x) that counts in all processes of a fleet: `register(rateLimit, { max,
 * timeWindow, store: fastifyStore(fleet) })`. Each route with a limit of its own counts apart, under its method and
 * path. `continueExceeding`, `exponentialBackoff` and `{ increment: false }` work as with the other stores.
 *
 * @returns the class that the plugin makes its store of
 * @throws TypeError or RangeError for wrong options, at the first request; what `RateLimiter` throws
 */
export function fastifyStore(
  fleet: Fleet,
  options: RateLimitStoreOptions = {},
): new (
  options: FastifyStoreOptions,
) => FastifyStore {
  return class extends CountingStore {
    constructor(plugin: FastifyStoreOptions) {
      super(fleet, options, '', plugin)
    }
  }
}

class CountingStore implements FastifyStore {
  readonly #fleet: Fleet
  readonly #options: RateLimitStoreOptions
  readonly #route: string
  readonly #over: 'keep' | 'renew' | 'double'
  /** By window and limit: both may depend on the request. */
  readonly #limiters = new Map<string, RateLimiter>()

  constructor(fleet: Fleet, options: RateLimitStoreOptions, route: string, plugin: FastifyStoreOptions) {
    this.#fleet = fleet
    this.#options = options
    this.#route = route
    this.#over = plugin.continueExceeding ? 'renew' : plugin.exponentialBackoff ? 'double' : 'keep'
  }

  incr(key: string, callback: FastifyCallback, timeWindow: number, max: number): void {
    this.#answer(callback, () => this.#limiter(timeWindow, max).hit(keyOf(this.#route + key), { over: this.#over }))
  }

  read(key: string, callback: FastifyCallback, timeWindow: number, max = maxLimit): void {
    this.#answer(callback, () => this.#limiter(timeWindow, max).peek(keyOf(this.#route + key)))
  }

  child(routeOptions: FastifyStoreOptions): FastifyStore {
    const { method = '', url = '' } = routeOptions.routeInfo ?? {}
    return new CountingStore(this.#fleet, this.#options, `${this.#route}${method} ${url} `, routeOptions)
  }

  #answer(callback: FastifyCallback, look: () => { count: number; resetMs: number }): void {
    let result: { current: number; ttl: number }
    try {
      const { count, resetMs } = look()
      result = { current: count, ttl: resetMs }
    } catch (error) {
      callback(error as Error)
      return
    }
    callback(null, result)
  }

  /** The limit matters only to a window that changes when it is exceeded. */
  #limiter(timeWindow: number, max: number): RateLimiter {
    const limit = this.#over === 'keep' ? maxLimit : Math.min(Math.max(max, 1), maxLimit)
    const windowMs = Math.min(Math.max(Math.ceil(timeWindow), 1), maxWindowMs)
    const name = `${windowMs} ${limit}`
    let limiter = this.#limiters.get(name)
    if (limiter === undefined) {
      limiter = limiterOf(this.#fleet, this.#options, windowMs, limit)
      this.#limiters.set(name, limiter)
    }
    return limiter
  }
}

/** What `flexibleLimiter` uses of rate-limiter-flexible. */
export interface FlexibleLibrary<L = object> {
  /** Only the class above it is used: it has all that is not about Redis. */
  RateLimiterRedis: new (
    options: never,
  ) => L
  /** The result of a call, and the error of a refused one. */
  RateLimiterRes: new (
    remainingPoints?: number,
    msBeforeNext?: number,
    consumedPoints?: number,
    isFirstInDuration?: boolean,
  ) => object
}

/** Options of a limiter of rate-limiter-flexible over a fleet: those of the library, and a fleet. */
export interface FlexibleLimiterOptions extends Pick<RateLimiterOptions, 'keys' | 'whenFull'> {
  /** The fleet with the processes that share the counts. */
  fleet: Fleet
  /** How many points a key may consume in a window, 1..16777214. */
  points: number
  /** The length of a window in seconds; 0: it never ends. */
  duration: number
  /** Limiters with the same prefix share their counts, at most 64 bytes of UTF-8; default 'rlflx'. */
  keyPrefix?: string
  /** Seconds for which a key is refused that has consumed more than it may; default 0. */
  blockDuration?: number
  /** Delays allowed calls so that they are spread evenly. */
  execEvenly?: boolean
  /** The shortest such delay in milliseconds. */
  execEvenlyMinDelayMs?: number
}

/** The name of limiters for keys without a prefix. */
const noPrefix = 'rlflx'

/** What the library's class for stores has, and asks of its heirs. */
interface Abstract {
  points: number
}
type Heirs = new (options: object) => Abstract

/**
 * Makes the limiter of rate-limiter-flexible (11.x) that counts in all processes of a fleet: `const RateLimiterOrbit =
 * flexibleLimiter(library)`, then `new RateLimiterOrbit({ fleet, points, duration })`. It has the methods of the
 * library's other limiters. A reward does not make a count negative.
 *
 * @param library what `import * as library from 'rate-limiter-flexible'` gives
 * @throws TypeError if the library has another version
 */
export function flexibleLimiter<L>(library: FlexibleLibrary<L>): new (options: FlexibleLimiterOptions) => L {
  const base = Object.getPrototypeOf(library.RateLimiterRedis) as Heirs
  if (base?.name !== 'RateLimiterStoreAbstract') {
    throw new TypeError('library must be rate-limiter-flexible 11: its RateLimiterRedis is made in another way')
  }
  class RateLimiterOrbit extends base {
    readonly #limiter: RateLimiter

    constructor({ fleet, keys, whenFull, ...options }: FlexibleLimiterOptions) {
      super(options)
      const { keyPrefix = 'rlflx', duration } = options
      const windowMs = duration > 0 ? Math.ceil(duration * 1000) : maxWindowMs
      const table = { ...(keys !== undefined && { keys }), ...(whenFull !== undefined && { whenFull }) }
      this.#limiter = limiterOf(fleet, { name: keyPrefix || noPrefix, ...table }, windowMs)
    }

    async _upsert(text: string, points: number, msDuration: number, isForced = false): Promise<Decided> {
      const key = keyOf(text)
      const windowMs = msDuration > 0 ? Math.ceil(msDuration) : maxWindowMs
      if (isForced) {
        this.#limiter.set(key, Math.max(points, 0), windowMs)
        return this.#limiter.peek(key)
      }
      if (points === 0) return this.#limiter.peek(key)
      return points > 0 ? this.#limiter.penalty(key, points, windowMs) : this.#limiter.reward(key, -points)
    }

    async _get(key: string): Promise<Decided | null> {
      const decision = this.#limiter.peek(keyOf(key))
      return decision.resetMs === 0 ? null : decision
    }

    async _delete(key: string): Promise<boolean> {
      return this.#limiter.reset(keyOf(key))
    }

    _getRateLimiterRes(_key: string, changed: number, { count, resetMs }: Decided): object {
      const msBeforeNext = resetMs > maxWindowMs / 2 ? -1 : resetMs
      return new library.RateLimiterRes(Math.max(this.points - count, 0), msBeforeNext, count, count === changed)
    }
  }
  return RateLimiterOrbit as unknown as new (
    options: FlexibleLimiterOptions,
  ) => L
}

/** What a limiter found of a key. */
interface Decided {
  readonly count: number
  readonly resetMs: number
}
