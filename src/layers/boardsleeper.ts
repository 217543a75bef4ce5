import type { BellSleeper, Wakeable } from '../core/bell.js'

/** Something that sleeps for a switchboard. */
export class BoardSleeper implements BellSleeper {
  readonly watchesDeath: boolean
  armed: Wakeable | undefined = undefined
  readonly #look: () => void
  readonly #end: () => void

  constructor(watchesDeath: boolean, look: () => void, end: () => void) {
    this.watchesDeath = watchesDeath
    this.#look = look
    this.#end = end
  }

  look(): void {
    this.#look()
  }

  end(): void {
    this.#end()
  }
}
