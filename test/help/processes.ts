// Child processes of tests. A child lives no longer than its test, whether that passes, fails or is killed. Nothing
// here waits for a length of time.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { isLinux, root } from './system.js'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A running fixture. It writes its messages and reads its orders as lines of JSON. */
export class Child {
  readonly process: ChildProcess
  readonly ended: Promise<Ending>
  #said: unknown[] = []
  #waiting: (() => void)[] = []
  #ending: Ending | undefined
  #stderr = ''

  constructor(command: string, args: string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.process.stdin?.on('error', () => {}) // it died before it read; `next` reports that
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    const lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      this.#said.push(JSON.parse(line))
      this.#wake()
    })
    this.ended = new Promise((resolve) => {
      // 'close' comes after the last line, and after the process was waited for: the kernel has dropped its locks.
      this.process.once('close', (code, signal) => {
        this.#ending = { code, signal }
        this.#wake()
        resolve(this.#ending)
      })
      this.process.once('error', (error) => {
        this.#stderr += error.message
        this.#ending = { code: -1, signal: null }
        this.#wake()
        resolve(this.#ending)
      })
    })
  }

  get pid(): number {
    return this.process.pid as number
  }
  get stderr(): string {
    return this.#stderr
  }
  get isOver(): boolean {
    return this.#ending !== undefined
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Its next message, or undefined when it has ended without one. */
  async heard<T = unknown>(): Promise<T | undefined> {
    while (this.#said.length === 0 && this.#ending === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#said.shift() as T | undefined
  }

  /** Its next message. Throws when it ends without one. */
  async next<T = unknown>(): Promise<T> {
    const said = await this.heard<T>()
    if (said === undefined) throw new Error(`child ${this.pid} ended: ${JSON.stringify(this.#ending)}\n${this.#stderr}`)
    return said
  }

  tell(...words: unknown[]): void {
    this.process.stdin?.write(`${JSON.stringify(words)}\n`)
  }

  /** Sends it an order and waits for its answer. */
  async ask<T = unknown>(...words: unknown[]): Promise<T> {
    this.tell(...words)
    return this.next<T>()
  }

  /** Kills it, and returns after the kernel has dropped its locks. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.process.kill(signal)
    return this.ended
  }

  /** Stops it, and returns when none of its threads runs. */
  async stop(): Promise<void> {
    this.process.kill('SIGSTOP')
    await this.stopped()
  }

  /** Waits until it is stopped or has ended. */
  async stopped(): Promise<void> {
    while (!this.isOver && !isStopped(this.pid)) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Whether it is stopped, and none of its threads runs. */
export function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  try {
    return readdirSync(threads).every((thread) => {
      const stat = readFileSync(`${threads}/${thread}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'T'
    })
  } catch {
    return false // it, or one of its threads, ends at this moment
  }
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv
  /** Options of Node. */
  nodeOptions?: string[]
  /** A command before `node`, such as prlimit with its options. */
  through?: string[]
}

// The kernel kills a child when its parent dies, even one that is stopped or in a loop.
export const deathSignal =
  isLinux && spawnSync('setpriv', ['--version']).status === 0 ? ['setpriv', '--pdeathsig', 'KILL'] : []

/** Runs test/fixtures/`fixture`. */
export function start(fixture: string, args: unknown[] = [], options: StartOptions = {}): Child {
  const [command, ...rest] = [
    ...(options.through ?? []),
    ...deathSignal,
    process.execPath,
    ...(options.nodeOptions ?? []),
    join(root, 'test/fixtures', fixture),
    ...args.map((arg) => JSON.stringify(arg)),
  ]
  const child = new Child(command as string, rest, options.env ?? {})
  onTestFinished(async () => {
    child.process.stdin?.destroy()
    if (!child.isOver) await child.kill()
  })
  return child
}
