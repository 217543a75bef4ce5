// A real pseudo-terminal: tmux runs the command, takes keys, and tells what the screen shows.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, onTestFailed, onTestFinished } from 'vitest'

const hasTmux = spawnSync('tmux', ['-V']).status === 0

/** Whether tests of the screen can run: without tmux they are skipped with a line, but fail where CI is set. */
export function terminalOrSkip(context: { skip: (note?: string) => void }): void {
  if (hasTmux) return
  expect(process.env['CI'], 'tmux is missing, and must not be in CI').toBeUndefined()
  console.log('skipped: there is no tmux')
  context.skip('there is no tmux')
}

let made = 0

export class Terminal {
  readonly #socket = `orbit.${process.pid}.${++made}`
  #last = ''

  /** Runs a shell command line on a screen of this size. The screen stays when it ends. */
  constructor(line: string, { columns = 100, rows = 20 } = {}) {
    onTestFinished(() => void this.#tmux('kill-server'))
    onTestFailed(() => console.log(`the screen at the end:\n${this.#last}`))
    const size = ['-x', String(columns), '-y', String(rows)]
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-s', 't', ...size, `${line}; exec cat`)
    this.#tmux('set-option', '-g', 'window-size', 'manual')
  }

  #tmux(...args: string[]): string {
    const { stdout, stderr, status } = spawnSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' })
    if (status !== 0 && args[0] !== 'kill-server') throw new Error(`tmux ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  screen(): string {
    this.#last = this.#tmux('capture-pane', '-p', '-t', 't')
    return this.#last
  }

  /** Waits until the screen shows this; the test's time limit is the watchdog. */
  async shows(what: RegExp): Promise<string> {
    for (;;) {
      const screen = this.screen()
      if (what.test(screen)) return screen
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Presses keys by tmux's names: `q`, `Enter`, `C-c`. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', '-t', 't', ...keys)
  }

  type(text: string): void {
    this.#tmux('send-keys', '-t', 't', '-l', text)
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-t', 't', '-x', String(columns), '-y', String(rows))
  }

  /** The process that the shell of the terminal runs. */
  foreground(): number {
    const shell = this.#tmux('display-message', '-p', '-t', 't', '#{pane_pid}').trim()
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim().split(' ')[0])
  }

  /** Of the terminal itself: is the other screen shown, is the cursor? */
  state(): { isAlternate: boolean; hasCursor: boolean } {
    const [alternate, cursor] = this.#tmux('display-message', '-p', '-t', 't', '#{alternate_on} #{cursor_flag}')
      .trim()
      .split(' ')
    return { isAlternate: alternate === '1', hasCursor: cursor === '1' }
  }
}
