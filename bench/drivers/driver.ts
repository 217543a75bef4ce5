import type { Line } from '../line.js'

/** Where the peers of one cell meet, and which of them this one is. */
export interface Place {
  /** A name that no other cell uses: of a fleet, a socket, a channel, or before every key. */
  readonly name: string
  /** The folder of all cells, for sockets and files; main removes it. */
  readonly folder: string
  readonly publishers: number
  readonly subscribers: number
  readonly messageBytes: number
  /** Messages that may be published before a subscriber has read the first: room that a bounded driver needs. */
  readonly burst: number
  /** Which of the peers of its role this one is, from 0. */
  readonly index: number
}

/** What a trial can be run with. Each optional part is for one sort of trial. */
export interface Driver {
  /** As the tables show it. */
  readonly name: string
  /** How it is set up, at its best. */
  readonly settings: string
  readonly peers: 'processes' | 'threads'
  /** How the line between processes and their host carries messages; default json. */
  readonly serialization?: 'json' | 'advanced'
  /** The only trials that it is for; default all that use a part it has. */
  readonly trials?: readonly string[]
  /** How many subscribers it can have; default any number. */
  readonly mostSubscribers?: number
  /** Of its package or server. */
  version(): string
  /** Why it cannot be measured here; undefined: it can. */
  lacks(): Promise<string | undefined>
  /** Starts what has to run beside its cells, once; `folder` is that of every Place. */
  serve?(folder: string): Server
  /** Has orbit's single calls. */
  readonly calls?: true
  readonly messages?: Messages
  readonly requests?: Requests
  readonly latest?: (place: Place) => Promise<Latest>
  readonly cache?: (place: Place, entries: CacheShape) => Promise<Cache>
  readonly claims?: (place: Place) => Promise<Claims>
  readonly counts?: (place: Place) => Promise<Counts>
  readonly limits?: (place: Place) => Promise<Limits>
  readonly script?: (place: Place) => Promise<Script>
}

export interface Server {
  /** Resolves when cells can use it. */
  ready(): Promise<void>
  /** Its process: its processor time and memory count as the cells'. */
  readonly pid: number
  /** Resolves when it is gone. */
  end(): Promise<void>
}

export interface Closable {
  close(): void | Promise<void>
}

export interface HostLine extends Line {
  readonly role: 'publisher' | 'subscriber'
}

/** A way from publishers to subscribers. Messages are ASCII text, so that drivers that carry text lose nothing. */
export interface Messages {
  /** In the host, before its peers open: passes messages on as a cluster's primary does, or hands out ports. */
  host?(peers: readonly HostLine[], place: Place): Closable
  /** In a subscriber, before any publisher opens. `hear` may use the bytes only during the call. */
  subscribe(place: Place, hear: (message: Uint8Array) => void, line: Line): Promise<Closable>
  publisher(place: Place, line: Line): Promise<Publisher>
}

export interface Publisher extends Closable {
  /** A promise, if there is something to wait for before the next: backpressure. */
  publish(message: Uint8Array): void | Promise<void>
  /** Resolves when the driver keeps nothing back. */
  flush?(): Promise<void>
}

/** What a publisher asks: bytes that come back, many bytes that are answered by a word, or two numbers to add. */
export type Question = Uint8Array | { readonly a: number; readonly b: number }

/** From so many bytes on, the answer is a word. */
const manyBytes = 65_536
export const word = 'taken'

/** What a subscriber answers. */
export const answerTo = (question: Question | string): unknown => {
  if (typeof question !== 'string' && !(question instanceof Uint8Array)) return question.a + question.b
  return question.length < manyBytes ? question : word
}

/** Questions from publishers to one subscriber, and its answers by `answerTo`. */
export interface Requests {
  /** Its askers can `hold`. */
  readonly holds?: true
  /** In the host, before its peers open: passes on, hands out ports, or answers. */
  host?(peers: readonly HostLine[], place: Place): Closable
  /** In the subscriber, before any publisher opens. */
  answer(place: Place, line: Line): Promise<Closable>
  asker(place: Place, line: Line): Promise<Asker>
}

export interface Asker extends Closable {
  ask(question: Question): Promise<unknown>
  /** A question that is never answered: it fails when its answerer has died. */
  hold?(): Promise<unknown>
}

/** Questions without an answer, oldest first, for ways that keep their order. */
export class Unanswered {
  readonly #resolves: ((answer: unknown) => void)[] = []
  #first = 0

  /** @param send is called at once */
  ask(send: () => void): Promise<unknown> {
    return new Promise((resolve) => {
      this.#resolves.push(resolve)
      send()
    })
  }

  answered(answer: unknown): void {
    this.#resolves[this.#first++]?.(answer)
    if (this.#first < this.#resolves.length) return
    this.#first = this.#resolves.length = 0
  }
}

/** What a `latest` stores. */
export const load = { busy: 3, idle: 5 }

/** Stores or loads the newest value so many times, one call each. Synchronous drivers return no promise. */
export interface Latest extends Closable {
  storeAll(count: number): unknown
  /** The sum of both fields of all. */
  loadAll(count: number): number | Promise<number>
}

export interface CacheShape {
  readonly keys: number
  readonly valueBytes: number
}

/** One call a key. */
export interface Cache extends Closable {
  putAll(keys: readonly string[], value: Uint8Array): unknown
  /** How many bytes were found in all. */
  getAll(keys: readonly string[]): number | Promise<number>
}

/** One call a key. */
export interface Counts extends Closable {
  /** Counts each key once more. Returns the count of the last one. */
  countAll(keys: readonly string[]): number | Promise<number>
}

export type ScriptCall = 'store' | 'hit' | 'miss' | 'count'

/** A store with 1,000 keys and values of 64 bytes, as a script of its runtime sees it. */
export interface Script extends Closable {
  /** Calls it in a loop for so long. Returns the nanoseconds of one call; NaN: a call failed. */
  sample(call: ScriptCall, runMs: number): number | Promise<number>
}

/** A limit of 16,000,000 a second for each key, so that none is reached. One call a key. */
export interface Limits extends Closable {
  /** Takes one for each key. Returns how many were allowed. */
  takeAll(keys: readonly string[]): number | Promise<number>
}

export const limitOfAll = { limit: 16_000_000, windowMs: 1000 }

export interface Claims extends Closable {
  /** Answers at once; undefined while another process holds the subject. */
  tryClaim(subject: string): Claim | undefined | Promise<Claim | undefined>
  /** Waits until it has the subject, in the way that the driver's users wait. */
  claim(subject: string): Promise<Claim>
}

export interface Claim {
  /** A promise, if there is something to wait for. */
  release(): unknown
}

/** A cache that answers at once, by its calls for one key. */
export const syncCache = (
  put: (key: string, value: Uint8Array) => unknown,
  get: (key: string) => Uint8Array | undefined,
  close: () => unknown = () => {},
): Cache => ({
  putAll(keys, value) {
    for (const key of keys) put(key, value)
  },
  getAll(keys) {
    let bytes = 0
    for (const key of keys) bytes += get(key)?.length ?? 0
    return bytes
  },
  close: () => void close(),
})

/** Claims by trying again: after 1 to 3 ms, so that not all who wait come at once. */
export async function claimByTrying(tryClaim: Claims['tryClaim'], subject: string): Promise<Claim> {
  for (;;) {
    const claim = await tryClaim(subject)
    if (claim !== undefined) return claim
    await new Promise((resolve) => setTimeout(resolve, 1 + 2 * Math.random()))
  }
}

/** The `lacks` of a driver that needs a package. */
export const lacksPackage = (name: string, load: () => Promise<unknown>) => async () => {
  try {
    await load()
    return undefined
  } catch (error) {
    return `package ${name} cannot be loaded (npm install): ${(error as Error).message.split('\n')[0]}`
  }
}

/** The parts of a driver that is in Node.js itself. */
export const builtIn = { version: () => `Node.js ${process.versions.node}`, lacks: async () => undefined }

export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

// Structured clone copies a short text faster than the same bytes, with these two calls counted: on a busy machine 1.1
// million messages a second against 0.9 at 64 B (MessagePort), 0.85 against 0.7 at 1 KiB.
export const textOf = (bytes: Uint8Array): string => bufferOf(bytes).toString('latin1')
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
