/** Where the peers of one cell meet, and which of them this one is. */
export interface Place {
  /** A name that no other cell uses: of a fleet, a socket, a channel, or before every key. */
  readonly name: string
  /** The folder of all cells, for sockets and files; main removes it. */
  readonly folder: string
  readonly publishers: number
  readonly subscribers: number
  /** Bytes of each message. */
  readonly messageBytes: number
  /** Messages that may be published before anybody has heard the first: room that a bounded driver has to have. */
  readonly burst: number
  /** Which of the peers of its role this one is, from 0. */
  readonly index: number
}

/** What a trial can be run with. Each of the optional parts is one sort of trial; a driver has those that its users use. */
export interface Driver {
  /** As the tables show it. */
  readonly name: string
  /** How it is set up: at its best, told in the results. */
  readonly settings: string
  /** What its peers are. */
  readonly peers: 'processes' | 'threads'
  /** How the line between processes and their host carries messages; default json. */
  readonly serialization?: 'json' | 'advanced'
  /** Names of the only trials that it is for; default all that use a part it has. */
  readonly trials?: readonly string[]
  /** Of its package or server, as the results tell it. */
  version(): string
  /** Why it cannot be measured here; undefined: it can. */
  lacks(): Promise<string | undefined>
  /** Starts what has to run beside its cells, once; `folder` is that of every Place. */
  serve?(folder: string): Server
  readonly messages?: Messages
  readonly latest?: (place: Place) => Promise<Latest>
  readonly cache?: (place: Place, entries: CacheShape) => Promise<Cache>
  readonly claims?: (place: Place) => Promise<Claims>
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

/** A way from publishers to subscribers. Messages are ASCII text, so that those who carry text lose nothing. */
export interface Messages {
  /**
   * In the cell's host, the parent of all peers: what has to happen there, once they all run and before they open.
   * For cluster users' messages through the primary, and for handing out ports.
   */
  host?(peers: readonly HostPeer[], place: Place): Closable
  /**
   * In a subscriber. Whoever stands alone on its side (one publisher, or else one subscriber) binds, and opens first; the
   * others connect. `hear` may use the bytes during the call only.
   */
  subscribe(place: Place, hear: (message: Uint8Array) => void, peer: Peer): Promise<Closable>
  publisher(place: Place, peer: Peer): Promise<Publisher>
}

export interface Publisher extends Closable {
  /** A promise, if there is something to wait for before the next: backpressure. */
  publish(message: Uint8Array): void | Promise<void>
  /** Resolves when the driver has taken all over to somebody else, if it keeps something back. */
  flush?(): Promise<void>
}

/** This peer's end of the line to the host: process.send and process.on('message'), or a thread's parentPort. */
export interface Peer {
  post(message: unknown, transfer?: readonly unknown[]): void
  /** Messages of the driver's own, that are none of the bench's orders. Returns what ends it. */
  onMessage(hear: (message: unknown) => void): () => void
}

/** The host's end of it. */
export interface HostPeer extends Peer {
  readonly role: 'publisher' | 'subscriber'
}

/** The newest value of something: { busy, idle }, two small integers. Synchronous drivers return no promise. */
export interface Latest extends Closable {
  /** Stores so many values, one call each. */
  storeAll(count: number): void | Promise<void>
  /** Loads the newest so many times, one call each, and reads both fields: their sum. */
  loadAll(count: number): number | Promise<number>
}

export interface CacheShape {
  /** How many keys live at once. */
  readonly keys: number
  readonly valueBytes: number
}

export interface Cache extends Closable {
  /** Puts this value under each key, one call a key. */
  putAll(keys: readonly string[], value: Uint8Array): void | Promise<void>
  /** Looks each key up, one call a key: how many bytes were found in all. */
  getAll(keys: readonly string[]): number | Promise<number>
}

export interface Claims extends Closable {
  /** Claims and releases each subject, which are all free. */
  claimAll(subjects: readonly string[]): void | Promise<void>
  /** Waits until it has this one; the way that its users wait. */
  claim(subject: string): Promise<Claim>
  /** At once; undefined while somebody has it. */
  tryClaim(subject: string): Claim | undefined | Promise<Claim | undefined>
}

export interface Claim {
  /** A promise, if there is something to wait for. */
  release(): unknown
}

/** Why a package cannot be used; undefined: it can. */
export async function packageLacks(name: string, load: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await load()
    return undefined
  } catch (error) {
    return `package ${name} cannot be loaded (npm install): ${(error as Error).message.split('\n')[0]}`
  }
}
