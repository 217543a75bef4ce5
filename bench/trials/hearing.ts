import { nowNs } from '../clock.js'
import { isWhole, readPublisher, readSequence, readTime } from './text.js'

/** What a subscriber looks at: by how much each message is late, or that none is missing, doubled or torn. */
export type Look = 'lateness' | 'count'

/** What a subscriber heard of the messages that it expected. */
export interface Heard {
  /** When the last one came. */
  readonly lastNs: number
  /** Of each message, in order; empty when it only counts. */
  readonly lateness: number[]
}

/** Less than the host's patience: this error says more. */
const patienceMs = 20_000

/** Checks each message that a subscriber hears. */
export class Hearing {
  readonly hear: (message: Uint8Array) => void
  readonly #messageBytes: number
  /** Of each publisher, the sequence number that comes next. */
  readonly #next: number[]
  #lateness: number[] = []
  #expected = 0
  #count = 0
  #lastNs = 0
  #error: Error | undefined
  #done: (() => void) | undefined

  constructor(look: Look, { publishers, messageBytes }: { publishers: number; messageBytes: number }) {
    this.#messageBytes = messageBytes
    this.#next = Array.from({ length: publishers }, () => 0)
    this.hear = look === 'count' ? (message) => this.#countUp(message) : (message) => this.#time(message)
  }

  /** Begins to wait for so many messages. */
  expect(count: number): void {
    this.#expected = count
    this.#count = 0
    this.#lateness = []
  }

  /** Resolves when all have come; rejects when one was missing, doubled or torn. */
  async heard(): Promise<Heard> {
    if (this.#count < this.#expected && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs)
        this.#done = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    if (this.#error !== undefined) throw this.#error
    if (this.#count !== this.#expected) throw new Error(`${this.#count} messages of ${this.#expected} came`)
    return { lastNs: this.#lastNs, lateness: this.#lateness }
  }

  #time(message: Uint8Array): void {
    this.#lastNs = nowNs()
    this.#lateness.push(this.#lastNs - readTime(message))
    this.#up(message)
  }

  #countUp(message: Uint8Array): void {
    const publisher = this.#next.length === 1 ? 0 : readPublisher(message)
    const sequence = readSequence(message)
    const wanted = this.#next[publisher]
    if (sequence !== wanted) this.#fail(`message ${sequence} of publisher ${publisher} came instead of ${wanted}`)
    if (!isWhole(message, sequence)) this.#fail(`message ${sequence} of publisher ${publisher} is torn`)
    this.#next[publisher] = sequence + 1
    this.#up(message)
  }

  #up(message: Uint8Array): void {
    if (message.length !== this.#messageBytes) this.#fail(`a message of ${message.length} bytes came`)
    if (++this.#count === this.#expected) {
      this.#lastNs = nowNs()
      this.#done?.()
    } else if (this.#count > this.#expected) this.#fail(`message ${this.#count} of ${this.#expected} came`)
  }

  #fail(why: string): void {
    this.#error ??= new Error(why)
    this.#done?.()
  }
}
