import type { Messages, Publisher } from './driver.js'
import { connect } from './redis-server.js'

/** How many PUBLISHes may be without an answer. */
const window = 1024

type Client = Awaited<ReturnType<typeof connect>>

/** Commands go out without waiting for the answers to those before: the client writes all of one turn at once. */
class RedisPublisher implements Publisher {
  readonly #client: Client
  readonly #channel: string
  #unanswered = 0
  #newest: Promise<unknown> = Promise.resolve()
  readonly #answered = () => {
    this.#unanswered--
  }

  constructor(client: Client, channel: string) {
    this.#client = client
    this.#channel = channel
  }

  publish(message: Uint8Array): undefined | Promise<void> {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length)
    this.#newest = this.#client.sendCommand(['PUBLISH', this.#channel, bytes]).then(this.#answered)
    return ++this.#unanswered < window ? undefined : this.flush()
  }

  /** The server answers in order. */
  async flush(): Promise<void> {
    await this.#newest
  }

  close(): void {
    this.#client.destroy()
  }
}

export const redisMessages: Messages = {
  async subscribe({ folder, name }, hear) {
    const client = await connect(folder)
    await client.subscribe(name, hear, true)
    return { close: () => client.destroy() }
  },
  publisher: async ({ folder, name }) => new RedisPublisher(await connect(folder), name),
}
