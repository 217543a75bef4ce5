/** A stored log that all hosts append to. Messages are numbered from 1 on, without gaps. */
export interface Log {
  /** Appends a message of a host. Resolves with its number once the server has stored it. */
  append(host: string, bytes: Uint8Array): Promise<number>
  /** The numbers that the server has now, and what tells this log from one that was made anew under its name. */
  bounds(): Promise<{ first: number; last: number; identity: number }>
  /** Yields all messages from a number on, and then each new one, until the signal is aborted or the server is lost. */
  follow(from: number, signal: AbortSignal): AsyncIterable<LogMessage>
}

/** A message of a log. */
export interface LogMessage {
  readonly seq: number
  /** undefined: another program wrote the message, under a name that no host can have. */
  readonly host: string | undefined
  readonly bytes: Uint8Array
}

/** A value under a key, as a register has it. */
export interface RegisterEntry {
  readonly value: string
  /** Grows with each change of any key. */
  readonly revision: number
}

/** Values under keys, each changed by compare-and-swap. */
export interface Register {
  get(key: string): Promise<RegisterEntry | undefined>
  /**
   * Sets a value if the key still has this revision; 0: if it has no value.
   *
   * @returns the new revision; undefined: the key has another revision
   */
  swap(key: string, value: string, revision: number): Promise<number | undefined>
  /** Resolves when the key has another revision than this one, or the signal is aborted. */
  changed(key: string, revision: number, signal: AbortSignal): Promise<void>
}

/** How a log forgets. */
export interface LogLimits {
  readonly maxAgeMs: number
  readonly maxBytes: number
}

/**
 * What connects the hosts of a cluster. All promises reject while there is no connection, and none waits for one
 * without end. NATS is the only one; Redis Streams would fit as well.
 */
export interface Engine {
  readonly isConnected: boolean
  /** The most bytes of one message; 0 while the server is not known. */
  readonly maxBytes: number
  /** Called after each change of `isConnected`. */
  onChange: (isConnected: boolean) => void
  /** Called with what a listener throws. The message is dropped, and the listener gets the next one. */
  onFailure: (error: unknown) => void
  /** Sends a message to all hosts that listen now. Returns false, and sends nothing, without a connection. */
  send(topic: string, host: string, bytes: Uint8Array): boolean
  /** Resolves when the server has read all that was sent. */
  flush(): Promise<void>
  /** Calls for each message, except those that were sent here. */
  listen(topic: string, onMessage: (host: string, bytes: Uint8Array) => void): void
  /** Asks one host, and resolves with its answer. */
  ask(host: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  /** Answers the questions of other hosts. */
  answer(answerTo: (question: Uint8Array) => Promise<Uint8Array>): void
  /** The log of this name; it is made if it does not exist. */
  log(name: string, limits: LogLimits): Promise<Log>
  /** The register of this name; it is made if it does not exist. Keys expire after `ttlMs`; 0: never. */
  register(name: string, ttlMs: number): Promise<Register>
  close(): Promise<void>
}
