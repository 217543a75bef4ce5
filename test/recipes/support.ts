// Recipes run as their readers would run them: the blocks of docs/recipes/*.md become files, in a folder inside the
// package, so that 'orbit-node' is this package (dist). Nothing here waits for a length of time.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { deathSignal, root } from '../processes.js'

const recipesFolder = join(root, 'docs/recipes')

export const recipeNames = (): string[] =>
  readdirSync(recipesFolder).flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -3)] : []))

/** The blocks of docs/recipes/`name`.md by the file name in their first line (`// worker.ts`); others are no files. */
export function recipeFiles(name: string): Record<string, string> {
  const markdown = readFileSync(join(recipesFolder, `${name}.md`), 'utf8')
  const blocks = markdown.matchAll(/^```[jt]s\n(\/\/ (\S+\.[cm]?[jt]s)\n.*?)^```$/gms)
  return Object.fromEntries([...blocks].map(([, code, file]) => [file, code as string]))
}

/** A folder with these files, gone when the test is over. */
export function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(root, 'test/tmp-recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [file, code] of Object.entries(files)) writeFileSync(join(folder, file), code)
  return folder
}

/** A recipe that runs. */
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

export interface RecipeOptions {
  /** Files of the test's own, beside the recipe's. */
  files?: Record<string, string>
  /** What runs, with its arguments. */
  run?: string[]
  env?: NodeJS.ProcessEnv
}

/** Runs docs/recipes/`name`.md; `start` runs another file of it beside that. */
export function runRecipe(name: string, { files = {}, run = ['main.ts'], env = {} }: RecipeOptions = {}) {
  const folder = folderOf({ ...recipeFiles(name), ...files })
  const start = (...args: string[]): Running => {
    const running = new Running(folder, args, env)
    onTestFinished(() => running.end())
    return running
  }
  return { main: start(...run), start, folder }
}
