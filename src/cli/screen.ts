/** The whole terminal, while it is ours: given back as it was, however the process ends short of SIGKILL. */
export class Screen implements Disposable {
  readonly #onKeys: (keys: string) => void
  readonly #onResize: () => void
  #isOpen = true
  readonly #restore = () => this[Symbol.dispose]()

  /** @param onKeys told of each key, or several that came at once */
  constructor(onKeys: (keys: string) => void, onResize: () => void) {
    this.#onKeys = onKeys
    this.#onResize = onResize
    process.once('exit', this.#restore)
    process.stdin.setRawMode?.(true)
    process.stdin.setEncoding('utf8').on('data', this.#onKeys)
    process.stdout.on('resize', this.#onResize)
    process.stdout.write('\x1b[?1049h\x1b[?25l') // the other screen, no cursor
  }

  get columns(): number {
    return process.stdout.columns
  }
  get rows(): number {
    return process.stdout.rows
  }

  /** Shows these lines, none of them wider than the screen, and nothing else. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows)
    // Over what stands there: to clear first would flicker.
    process.stdout.write(`\x1b[H${shown.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
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
