import { nowNs } from '../clock.js'
import { readPublisher, readSequence, readTime } from './text.js'

/** What a subscriber looks at: by how much each message is late, or that none is missing or doubled. */
export type Look = 'lateness' | 'count'

/** What a subscriber heard of the messages it was told to expect. */
export interface Heard {
  /** When the last one came. */
  readonly lastNs: number
  /** One a message, in order; empty when it only counts. */
  readonly lateness: number[]
}

/** Less than the host's patience: this error says more. */
const patienceMs = 20_000

/** The ears of a subscriber. */
export class Hearing {
  readonly hear: (message: Uint8Array) => void
  /** Of each publisher, the sequence number that has to come. */
  readonly #next: number[]
  #lateness: number[] = []
  #expected = 0
  #count = 0
  #lastNs = 0
  #error: Error | undefined
  #done: (() => void) | undefined

  constructor(look: Look, publishers: number) {
    this.#next = Array.from({ length: publishers }, () => 0)
    this.hear = look === 'count' ? (message) => this.#countUp(message) : (message) => this.#time(message)
  }

  /** From now on so many messages come. */
  expect(count: number): void {
    this.#expected = count
    this.#count = 0
    this.#lateness = []
  }

  /** Resolves when all have come, and fails when one was missing or doubled. */
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
    if (this.#count !== this.#expected) throw new Error(`heard ${this.#count} messages of ${this.#expected}`)
    return { lastNs: this.#lastNs, lateness: this.#lateness }
  }

  #time(message: Uint8Array): void {
    const now = nowNs()
    this.#lateness.push(now - readTime(message))
    this.#lastNs = now
    this.#up()
  }

  #countUp(message: Uint8Array): void {
    const publisher = this.#next.length === 1 ? 0 : readPublisher(message)
    const sequence = readSequence(message)
    if (sequence !== this.#next[publisher]) this.#fail(publisher, sequence)
    this.#next[publisher] = sequence + 1
    this.#up()
  }

  #up(): void {
    if (++this.#count === this.#expected) {
      this.#lastNs = nowNs()
      this.#done?.()
    } else if (this.#count > this.#expected) {
      this.#error ??= new Error(`message ${this.#count} of ${this.#expected}`)
    }
  }

  #fail(publisher: number, sequence: number): void {
    this.#error ??= new Error(`message ${sequence} of publisher ${publisher} came instead of ${this.#next[publisher]}`)
    this.#done?.()
  }
}
