import { type ConsumerMessages, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { unreachable } from '../base/errors.js'
import type { Log, LogMessage } from './engine.js'
import { hostIn } from './nats.js'

/** How many messages are on their way to this process at most. */
const windowMessages = 64

/** A JetStream stream with one subject for each host. */
export class NatsLog implements Log {
  readonly #stream: string
  readonly #manager: JetStreamManager
  readonly #client: JetStreamClient
  readonly #subjectOf: (host: string) => string
  readonly #isConnected: () => boolean

  constructor(
    stream: string,
    manager: JetStreamManager,
    client: JetStreamClient,
    subjectOf: (host: string) => string,
    isConnected: () => boolean,
  ) {
    this.#stream = stream
    this.#manager = manager
    this.#client = client
    this.#subjectOf = subjectOf
    this.#isConnected = isConnected
  }

  async append(host: string, bytes: Uint8Array): Promise<number> {
    if (!this.#isConnected()) throw unreachable(`log ${this.#stream}`)
    const { seq } = await this.#client.publish(this.#subjectOf(host), bytes)
    return seq
  }

  async bounds(): Promise<{ first: number; last: number; identity: number }> {
    if (!this.#isConnected()) throw unreachable(`log ${this.#stream}`)
    const { state, created } = await this.#manager.streams.info(this.#stream)
    return { first: state.first_seq, last: state.last_seq, identity: Date.parse(created) }
  }

  async *follow(from: number, signal: AbortSignal): AsyncGenerator<LogMessage> {
    // An ordered consumer: the server keeps no state of this host, and the client begins anew after a gap.
    const consumer = await this.#client.consumers.get(this.#stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
    })
    const messages: ConsumerMessages = await consumer.consume({ max_messages: windowMessages })
    const stop = () => messages.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      if (signal.aborted) return
      for await (const { seq, subject, data } of messages) {
        yield { seq, host: hostIn(subject), bytes: data }
      }
    } finally {
      signal.removeEventListener('abort', stop)
      messages.stop()
    }
  }
}
