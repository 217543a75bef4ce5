const minutes = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** Says what is running and how long all will take still, on the standard error. */
export class Progress {
  /** As milliseconds, guessed before; then corrected by how the guesses fared. */
  #left = 0
  #spent = 0
  #guessed = 0
  #begun = performance.now()
  #part = { guessMs: 0, title: '' }

  /** Announces a part that has still to run. */
  plan(guessMs: number): void {
    this.#left += guessMs
  }

  /** A planned part begins. */
  begin(guessMs: number): void {
    this.#part = { guessMs, title: '' }
    this.#begun = performance.now()
  }

  end(): void {
    this.#left -= this.#part.guessMs
    this.#guessed += this.#part.guessMs
    this.#spent += performance.now() - this.#begun
  }

  /** A line in place of the last one. */
  readonly say = (what: string): void => {
    const { isTTY } = process.stderr
    if (what === '') {
      if (isTTY) process.stderr.write('\r\x1b[K')
      return
    }
    const pace = this.#guessed > 0 ? this.#spent / this.#guessed : 1
    const leftMs = Math.max(0, this.#left * pace - (performance.now() - this.#begun))
    const text = `${what}; ${minutes(leftMs)} left`
    process.stderr.write(isTTY ? `\r\x1b[K${text}` : `${text}\n`)
  }
}
