/** The whole terminal, while this is open. Its earlier state comes back however the process ends, except by SIGKILL. */
export class Screen implements Disposable {
  readonly #onKeys: (keys: string) => void
  readonly #onResize: () => void
  #isOpen = true
  readonly #restore = () => this[Symbol.dispose]()

  /** @param onKeys receives one key, or several that arrived together */
  constructor(onKeys: (keys: string) => void, onResize: () => void) {
    this.#onKeys = onKeys
    this.#onResize = onResize
    process.once('exit', this.#restore)
    process.stdin.setRawMode?.(true)
    process.stdin.setEncoding('utf8').on('data', this.#onKeys)
    process.stdout.on('resize', this.#onResize)
    process.stdout.write('\x1b[?1049h\x1b[?25l') // the alternate screen, without a cursor
  }

  get columns(): number {
    return process.stdout.columns
  }
  get rows(): number {
    return process.stdout.rows
  }

  /** Shows exactly these lines. None may be wider than the screen. */
  draw(lines: readonly string[]): void {
    const visible = lines.slice(0, this.rows)
    // Overwrites the old lines: clearing first would flicker.
    process.stdout.write(`\x1b[H${visible.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.removeListener('exit', this.#restore)
    process.stdout.removeListener('resize', this.#onResize)
    process.stdin.removeListener('data', this.#onKeys)
    process.stdin.setRawMode?.(false)
    process.stdin.pause()
    process.stdout.write('\x1b[?25h\x1b[?1049l')
  }
}
