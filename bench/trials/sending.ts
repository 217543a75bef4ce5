import { nowNs, pause } from '../clock.js'
import type { Publisher } from '../drivers/driver.js'
import type { Look } from './hearing.js'
import { newMessage, writeSequence, writeTime } from './text.js'

/** So many messages, a few at a time. */
export interface Paced {
  readonly count: number
  readonly atOnce: number
  readonly gapMs: number
}

/** The mouth of a publisher. */
export class Sending {
  readonly #publisher: Publisher
  readonly #index: number
  readonly #look: Look
  readonly #messageBytes: number
  /** Of a burst, made before it begins; a driver that keeps them has been heard when the next burst writes to them. */
  readonly #messages: Uint8Array[] = []
  #sequence = 0

  constructor(
    publisher: Publisher,
    { index, look, messageBytes }: { index: number; look: Look; messageBytes: number },
  ) {
    this.#publisher = publisher
    this.#index = index
    this.#look = look
    this.#messageBytes = messageBytes
  }

  /** All at once; when it began. */
  async burst(count: number): Promise<number> {
    const messages = this.#messages
    while (messages.length < count) messages.push(newMessage(this.#messageBytes))
    for (let i = 0; i < count; i++) writeSequence(messages[i] as Uint8Array, this.#index, this.#sequence++)
    const publisher = this.#publisher
    const beganNs = nowNs()
    for (let i = 0; i < count; i++) {
      const taken = publisher.publish(messages[i] as Uint8Array)
      if (taken !== undefined) await taken
    }
    await publisher.flush?.()
    return beganNs
  }

  /** Nothing follows what is sent at once: what a publisher does next delays a subscriber that shares its core. */
  async paced({ count, atOnce, gapMs }: Paced): Promise<void> {
    for (let sent = 0; sent < count; sent += atOnce) {
      await pause(gapMs)
      for (let i = 0; i < Math.min(atOnce, count - sent); i++) {
        const taken = this.#publisher.publish(this.#stamped())
        if (taken !== undefined) await taken
      }
      const flushed = this.#publisher.flush?.()
      if (flushed !== undefined) await flushed
    }
  }

  #stamped(): Uint8Array {
    const message = newMessage(this.#messageBytes)
    if (this.#look === 'count') writeSequence(message, this.#index, this.#sequence++)
    else writeTime(message, nowNs())
    return message
  }
}
