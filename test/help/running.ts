// A command that does not end by itself, as a child process of a test. It is killed after the test.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { cliPath } from './orbit.js'
import { isStopped } from './processes.js'

/** A command that runs, and the lines that it writes. */
export class Running {
  readonly process
  readonly ended: Promise<number | null>
  stderr = ''
  readonly #lines: AsyncIterator<string>

  constructor(args: readonly string[]) {
    this.process = spawn(process.execPath, [cliPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void this.process.kill('SIGKILL'))
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = new Promise((resolve) => this.process.once('close', resolve))
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  /** Stops the process. When this returns, it does not run. */
  async stop(): Promise<void> {
    this.process.kill('SIGSTOP')
    while (!isStopped(this.process.pid as number)) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Waits until the process has this object open. */
  async maps(path: string): Promise<void> {
    const maps = () => readFileSync(`/proc/${this.process.pid}/maps`, 'utf8')
    while (!maps().includes(path)) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Waits until the process has written this to stderr. */
  async remarks(text: string): Promise<void> {
    while (!this.stderr.includes(text)) await new Promise((resolve) => setImmediate(resolve))
  }

  /** The next line of its output; undefined: it has ended. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next()
    return done ? undefined : value
  }
}
