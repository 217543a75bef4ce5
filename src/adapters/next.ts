import { deserialize, serialize } from 'node:v8'
import { type Fleet, OrbitStore, type OrbitStoreOptions } from '../index.js'

/** An entry of 'use cache', as Next.js 16 passes it to a cache handler. */
export interface NextCacheEntry {
  /** The bytes of the value. */
  value: ReadableStream<Uint8Array>
  /** The tags of the entry. */
  tags: string[]
  /** For clients; seconds. */
  stale: number
  /** When it was made; Unix milliseconds. */
  timestamp: number
  /** How long it may be used; seconds. */
  expire: number
  /** After how long it is made anew; seconds. */
  revalidate: number
}

/** What an ISR cache handler returns to Next.js. */
export interface NextIsrEntry {
  /** When it was stored, in Unix milliseconds; -1: it is stale. */
  lastModified: number
  /** The page, route or response, as it was stored. */
  // biome-ignore lint/suspicious/noExplicitAny: the types of Next.js are its own, and this passes them on.
  value: any
  /** What was passed to `set`. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  cacheControl?: any
}

interface Lasting {
  readonly tags: readonly string[]
  /** Monotonic milliseconds. */
  readonly madeMs: number
  readonly entry: object
}

/** What is stored is: the length of this header in 4 bytes, the header, and the bytes of a stream. */
const headBytes = 4
const longestTtlMs = 2 ** 48
/** Longer tags that begin alike are one tag: invalidating more than asked for is always right. */
const maxTagLength = 300

const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)
const unixMs = (): number => performance.timeOrigin + performance.now()
/** A tag as it is stored: not half of a character that takes two units. */
const short = (tag: string): string => tag.slice(0, maxTagLength).toWellFormed()
const staleTag = (tag: string): string => `stale ${short(tag)}`

/** The header of what is stored, and where the bytes behind it begin. Undefined: another program has stored this. */
function headerOf(bytes: Uint8Array): { header: Lasting; end: number } | undefined {
  if (bytes.length < headBytes) return undefined
  const end = headBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  if (end > bytes.length) return undefined
  try {
    const header = deserialize(bytes.subarray(headBytes, end)) as Lasting
    const { tags, madeMs, entry } = header
    // An array without elements may be longer than memory.
    const isOurs = Array.isArray(tags) && tags.length < bytes.length && typeof madeMs === 'number'
    if (!isOurs || !Array.from(tags).every((tag) => typeof tag === 'string')) return undefined
    return typeof entry === 'object' && entry !== null ? { header, end } : undefined
  } catch {
    return undefined
  }
}

/** The store of an application, and what Next.js means by tags. */
class Pages {
  readonly #store: OrbitStore
  readonly #tags: OrbitStore
  #isWarned = false

  constructor(fleet: Fleet, options: OrbitStoreOptions, namespace: string) {
    this.#store = new OrbitStore(fleet, { name: 'next', ...options, namespace })
    this.#tags = new OrbitStore(fleet, { name: 'next', ...options, namespace: 'tags' })
  }

  /** Undefined: there is none, or it was invalidated. Its `isStale`: it is to be made anew. */
  load(key: string, moreTags: readonly string[]) {
    const bytes = this.#store.get(key)
    if (bytes === undefined) return undefined
    const found = headerOf(bytes)
    if (found === undefined) return undefined
    const { tags, madeMs, entry } = found.header
    let isStale = false
    for (const tag of [...tags, ...moreTags].filter(Boolean)) {
      if (this.#store.invalidatedAt(short(tag)) >= madeMs) return undefined
      const staleMs = this.#store.invalidatedAt(staleTag(tag))
      if (staleMs < madeMs) continue
      const seconds = this.#tags.get(short(tag))
      // Without its limit, which was evicted or is no number, a stale entry is not used.
      const expiresMs = seconds === undefined ? 0 : staleMs + Number(Buffer.from(seconds)) * 1000
      if (!(monotonicMs() <= expiresMs)) return undefined
      isStale = true
    }
    return { entry, isStale, bytes: bytes.subarray(found.end) }
  }

  /** Monotonic milliseconds; after the invalidations of these tags, which may be ahead: a call takes a millisecond. */
  nowMs(tags: readonly string[]): number {
    const all = tags.filter(Boolean).flatMap((tag) => [short(tag), staleTag(tag)])
    return all.reduce((ms, tag) => Math.max(ms, this.#store.invalidatedAt(tag) + 1), monotonicMs())
  }

  save(key: string, lasting: Lasting, parts: readonly Uint8Array[], ttlMs: number | undefined): void {
    const head = serialize(lasting)
    const length = new Uint8Array(headBytes)
    new DataView(length.buffer).setUint32(0, head.length, true)
    try {
      this.#store.put(key, Buffer.concat([length, head, ...parts]), ttlMs === undefined ? {} : { ttlMs })
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ORBIT_PAYLOAD_SIZE') throw error
      this.#store.delete(key) // the older value
      if (this.#isWarned) return
      this.#isWarned = true
      process.emitWarning(`an entry of Next.js is not cached: ${(error as Error).message}`, {
        type: 'OrbitWarning',
        code: 'ORBIT_NOT_STORED',
      })
    }
  }

  delete(key: string): void {
    this.#store.delete(key)
  }

  /** Entries of a tag are gone; or, with a number of seconds, they are stale at once and gone after that. */
  invalidate(tags: readonly string[], expire: number | undefined): void {
    const given = tags.filter(Boolean)
    if (expire !== undefined) for (const tag of given) this.#tags.put(short(tag), `${expire}`)
    this.#store.invalidate(...given.map(expire === undefined ? short : staleTag))
  }
}

/**
 * A handler for `cacheHandlers` of Next.js 16 ('use cache'): all processes of a host share one cache and its tags.
 * Export one as the default of the module that next.config.js names.
 */
export class UseCacheHandler {
  readonly #pages: Pages
  readonly #pending = new Map<string, Promise<void>>()

  /**
   * @param options those of an `OrbitStore`. By default it is a store with the name 'next' and 16 MiB.
   * @throws what `OrbitStore` throws
   */
  constructor(fleet: Fleet, options: Omit<OrbitStoreOptions, 'namespace'> = {}) {
    this.#pages = new Pages(fleet, options, 'use cache')
  }

  /** The entry of a key. It waits for a `set` of this process that is under way. */
  async get(cacheKey: string, softTags: string[] = []): Promise<NextCacheEntry | undefined> {
    await this.#pending.get(cacheKey)
    const found = this.#pages.load(cacheKey, softTags)
    if (found === undefined) return undefined
    const entry = found.entry as Omit<NextCacheEntry, 'value'>
    const value = new Blob([found.bytes as Uint8Array<ArrayBuffer>]).stream() as ReadableStream<Uint8Array>
    return { ...entry, value, ...(found.isStale && { revalidate: -1 }) }
  }

  /** Stores an entry, once its value is whole. */
  async set(cacheKey: string, pendingEntry: Promise<NextCacheEntry>): Promise<void> {
    let settle: () => void = () => {}
    const settled = new Promise<void>((resolve) => {
      settle = resolve
    })
    this.#pending.set(cacheKey, settled)
    try {
      const { value, ...entry } = await pendingEntry
      const parts: Uint8Array[] = []
      for await (const part of value) parts.push(part)
      if (entry.expire <= 0) return
      const madeMs = Math.floor(monotonicMs() - (unixMs() - entry.timestamp))
      const ttlMs = Math.ceil(entry.expire * 1000)
      this.#pages.save(cacheKey, { tags: entry.tags, madeMs, entry }, parts, ttlMs < longestTtlMs ? ttlMs : undefined)
    } finally {
      settle()
      if (this.#pending.get(cacheKey) === settled) this.#pending.delete(cacheKey)
    }
  }

  /** Does nothing: the tags are in the same memory. */
  async refreshTags(): Promise<void> {}

  /** Infinity: `get` looks at the tags itself. */
  async getExpiration(): Promise<number> {
    return Number.POSITIVE_INFINITY
  }

  /** Invalidates tags in all processes; with `expire`, their entries are stale for so many seconds first. */
  async updateTags(tags: string[], durations?: { expire?: number }): Promise<void> {
    this.#pages.invalidate(tags, durations?.expire)
  }
}

/** The tags of a page, a route or a response. */
// biome-ignore lint/suspicious/noExplicitAny: the types of Next.js are its own
function tagsOf(value: any): string[] {
  const header = value?.headers?.['x-next-cache-tags']
  return [...(value?.tags ?? []), ...(typeof header === 'string' ? header.split(',') : [])]
}

/** What Next.js calls for ISR, route handlers and `fetch`. */
export interface NextIsrCache {
  /** The entry of a key, or null. One with `lastModified` -1 is to be made anew. */
  get(key: string, context?: { tags?: string[]; softTags?: string[] }): Promise<NextIsrEntry | null>
  /** Stores an entry; null: deletes it. */
  set(
    key: string,
    value: unknown,
    context?: { tags?: string[]; fetchCache?: boolean; cacheControl?: unknown },
  ): Promise<void>
  /** Invalidates tags in all processes; with `expire`, their entries are stale for so many seconds first. */
  revalidateTag(tags: string | string[], durations?: { expire?: number }): Promise<void>
  /** Does nothing: there is no cache of a request. */
  resetRequestCache(): void
}

/**
 * Makes the class for `cacheHandler` of Next.js (ISR, route handlers, `fetch`): all processes of a host share one cache
 * and its tags. Export it as the default of the module that next.config.js names.
 *
 * @param options those of an `OrbitStore`. By default it is a store with the name 'next' and 16 MiB.
 * @throws what `OrbitStore` throws
 */
export function isrCacheHandler(
  fleet: Fleet,
  options: Omit<OrbitStoreOptions, 'namespace'> = {},
): new (
  ...options: unknown[]
) => NextIsrCache {
  const pages = new Pages(fleet, options, 'isr')
  return class implements NextIsrCache {
    async get(key: string, context: { tags?: string[]; softTags?: string[] } = {}) {
      const found = pages.load(key, [...(context.tags ?? []), ...(context.softTags ?? [])])
      if (found === undefined) return null
      const entry = found.entry as NextIsrEntry
      return found.isStale ? { ...entry, lastModified: -1 } : entry
    }

    async set(
      key: string,
      value: unknown,
      context: { tags?: string[]; fetchCache?: boolean; cacheControl?: unknown } = {},
    ) {
      if (value === null || value === undefined) return pages.delete(key)
      const { cacheControl } = context
      const entry = { lastModified: Date.now(), value, ...(cacheControl !== undefined && { cacheControl }) }
      const tags = [...tagsOf(value), ...(context.tags ?? [])]
      pages.save(key, { tags, madeMs: pages.nowMs(tags), entry }, [], undefined)
    }

    async revalidateTag(tags: string | string[], durations?: { expire?: number }) {
      pages.invalidate(typeof tags === 'string' ? [tags] : tags, durations?.expire)
    }

    resetRequestCache() {}
  }
}
