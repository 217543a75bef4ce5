import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { deathSignal } from '../help/processes.js'
import { unpack } from './recipe.js'

/** A program of a recipe that runs. Nothing here waits for a length of time. */
export class Running {
  readonly process: ChildProcess
  /** When it has ended, with all the processes that it has started. */
  readonly ended: Promise<number | null>
  /** What it and its workers said, to both outputs. */
  readonly lines: string[] = []
  #heard = 0
  #isOver = false
  #wake = () => {}

  constructor(folder: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const [command, ...rest] = [...deathSignal, process.execPath, '--import', 'tsx', ...args] as [string, ...string[]]
    // A group of its own, so that it can be ended together with its workers.
    const options = { cwd: folder, env: { ...process.env, ...env }, detached: true }
    this.process = spawn(command, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const input of [this.process.stdout, this.process.stderr]) {
      createInterface({ input: input as NodeJS.ReadableStream }).on('line', (line) => {
        this.lines.push(line)
        this.#wake()
      })
    }
    this.ended = once(this.process, 'close').then(([code]) => {
      this.#isOver = true
      this.#wake()
      return code as number | null
    })
  }

  /** The next line that matches, after those that were heard before; an error when it ends without. */
  async heard(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (; this.#heard < this.lines.length; ) {
        const match = pattern.exec(this.lines[this.#heard++] as string)
        if (match) return match
      }
      if (this.#isOver) throw new Error(`it ended without ${pattern}:\n${this.lines.join('\n')}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Kills it and its workers; when this returns they are gone. */
  async end(): Promise<void> {
    if (!this.#isOver) process.kill(-(this.process.pid as number), 'SIGKILL')
    await this.ended
  }
}

export interface ProgramOptions {
  /** Files of the test's own, beside the recipe's. */
  files?: Record<string, string>
  /** What runs, with its arguments. */
  run?: string[]
  env?: NodeJS.ProcessEnv
}

/** Runs a file of docs/recipes/`name`.md that brings its own cluster; `start` runs another file of it beside that. */
export function runProgram(name: string, { files, run = ['main.ts'], env = {} }: ProgramOptions = {}) {
  const folder = unpack(name, files)
  const start = (...args: string[]): Running => {
    const running = new Running(folder, args, env)
    onTestFinished(() => running.end())
    return running
  }
  return { main: start(...run), start, folder }
}
