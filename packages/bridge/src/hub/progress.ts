import { pause } from '../base/clock.js'
import type { Engine, Register } from '../engine/engine.js'
import type { Received } from './receiver.js'

/** How far a host has come in a log, as the server keeps it. */
export interface Saved {
  readonly seq: number
  readonly identity: number
  readonly received: Record<string, Received>
}

const saveMs = 1000

/** What is in the register; undefined: nothing, or another version wrote it. */
function savedIn(text: string): Saved | undefined {
  try {
    const { seq, identity, received } = JSON.parse(text)
    const hosts = Object.values(Object(received)) as Received[]
    const numbers = [seq, identity, ...hosts.flatMap(({ epoch, next }) => [epoch, next])]
    return numbers.every((each) => Number.isSafeInteger(each) && each >= 0) ? { seq, identity, received } : undefined
  } catch {
    return undefined
  }
}

/** Keeps on the server how far this host has come in a log, for the time after its memory is gone: after a reboot. */
export class Progress {
  /** What was kept when this began; undefined: this host is new. */
  readonly saved: Saved | undefined
  readonly #register: Register
  readonly #key: string
  #revision: number
  #text: string

  private constructor(register: Register, key: string, text: string, revision: number) {
    this.#register = register
    this.#key = key
    this.#text = text
    this.#revision = revision
    this.saved = savedIn(text)
  }

  static async open(engine: Engine, route: string, host: string): Promise<Progress> {
    const register = await engine.register('hosts', 0)
    const key = `cursor.${route}.${Buffer.from(host).toString('base64url')}`
    const entry = await register.get(key)
    return new Progress(register, key, entry?.value ?? '', entry?.revision ?? 0)
  }

  /** Saves the state once a second if it has changed, until the signal is aborted. */
  async keep(state: () => Saved | undefined, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const text = JSON.stringify(state() ?? '')
      if (text !== '""' && text !== this.#text) await this.#save(text).catch(() => {}) // the next second tries again
      await pause(saveMs, signal)
    }
  }

  async #save(text: string): Promise<void> {
    const revision = await this.#register.swap(this.#key, text, this.#revision)
    if (revision !== undefined) {
      this.#revision = revision
      this.#text = text
    } else {
      // An attempt with a lost answer, or an earlier process of this host.
      this.#revision = (await this.#register.get(this.#key))?.revision ?? 0
    }
  }
}
