import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { unreachable } from '../base/errors.js'
import type { Register, RegisterEntry } from './engine.js'

/** What the server says of a compare-and-swap with an old revision. */
const wrongLastSequence = 10071

/** A JetStream KV bucket. */
export class NatsRegister implements Register {
  readonly #bucket: KV
  readonly #isConnected: () => boolean

  constructor(bucket: KV, isConnected: () => boolean) {
    this.#bucket = bucket
    this.#isConnected = isConnected
  }

  async get(key: string): Promise<RegisterEntry | undefined> {
    this.#check(key)
    const entry = await this.#bucket.get(key)
    if (entry === null) return undefined
    // A deleted key has a revision, which the next value must name.
    return { value: entry.operation === 'PUT' ? entry.string() : '', revision: entry.revision }
  }

  async swap(key: string, value: string, revision: number): Promise<number | undefined> {
    this.#check(key)
    try {
      return await this.#bucket.put(key, value, { previousSeq: revision })
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return undefined
      throw error
    }
  }

  async changed(key: string, revision: number, signal: AbortSignal): Promise<void> {
    this.#check(key)
    const watch = await this.#bucket.watch({ key })
    const stop = () => watch.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      if (signal.aborted) return
      for await (const entry of watch) if (entry.revision !== revision) return
    } finally {
      signal.removeEventListener('abort', stop)
      watch.stop()
    }
  }

  #check(key: string): void {
    if (!this.#isConnected()) throw unreachable(`key ${key}`)
  }
}
