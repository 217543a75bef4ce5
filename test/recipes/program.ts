import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { deathSignal } from '../help/processes.js'
import { unpack } from './recipe.js'

/** A running program of a recipe. It never waits for a length of time. */
export class Running {
  readonly process: ChildProcess
  /** Resolves when it has ended with all processes that it started. */
  readonly ended: Promise<number | null>
  /** The lines that it and its workers printed to stdout and stderr. */
  readonly lines: string[] = []
  #heard = 0
  #isOver = false
  #wake = () => {}

  constructor(folder: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const [command, ...rest] = [...deathSignal, process.execPath, '--import', 'tsx', ...args] as [string, ...string[]]
    // It has its own process group, so that it can be ended together with its workers.
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

  /** The next line that matches, after the ones returned before. Throws when the program ends without it. */
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

  /** Kills it and its workers, and returns after they have ended. */
  async end(): Promise<void> {
    if (!this.#isOver) process.kill(-(this.process.pid as number), 'SIGKILL')
    await this.ended
  }
}

export interface ProgramOptions {
  /** Files of the test, added to those of the recipe. */
  files?: Record<string, string>
  /** The file to run, with its arguments. */
  run?: string[]
  env?: NodeJS.ProcessEnv
}

/** Runs a file of docs/recipes/`name`.md that has its own cluster. `start` runs another file of the recipe. */
export function runProgram(name: string, { files, run = ['main.ts'], env = {} }: ProgramOptions = {}) {
  const folder = unpack(name, files)
  const start = (...args: string[]): Running => {
    const running = new Running(folder, args, env)
    onTestFinished(() => running.end())
    return running
  }
  return { main: start(...run), start, folder }
}
