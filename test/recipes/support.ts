// Runs the code of a recipe as its readers would: its blocks become files in this package, and a real cluster runs them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Child, root, uniqueFleet } from '../processes.js'

export interface RecipeOptions {
  /** What the reader would bring, and what the test talks to: contents by name. */
  files?: Record<string, string>
  /** The file that every worker runs. */
  worker?: string
  workers?: number
  env?: NodeJS.ProcessEnv
}

/** What happened to a worker. */
export interface WorkerEvent {
  worker: number
  pid: number
  online?: true
  /** A message that it sent to its primary. */
  said?: unknown
  /** It listens. */
  port?: number
  /** Its exit code or signal; the kernel has dropped its locks. */
  ended?: number | string
}

const blocks = /```(?:ts|js)\n(.*?)```/gs

/** A folder with the blocks of a recipe, each named by its first line, and with other files; 'web' is a fleet of its own. */
function unpack(recipe: string, files: Record<string, string> = {}): string {
  const fleet = uniqueFleet(recipe)
  const folder = mkdtempSync(join(root, `test/tmp-recipe-${recipe}-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, code: string) =>
    writeFileSync(join(folder, name), code.replaceAll("'web'", `'${fleet}'`))
  for (const [, code = ''] of readFileSync(join(root, `docs/recipes/${recipe}.md`), 'utf8').matchAll(blocks)) {
    const name = /^\/\/ ([\w-]+\.[mc]?[tj]s)\n/.exec(code)?.[1]
    if (name === undefined) throw new Error(`${recipe}.md: a block does not begin with the name of its file:\n${code}`)
    write(name, code)
  }
  for (const [name, code] of Object.entries(files)) write(name, code)
  return folder
}

/** What the compiler has to say about a recipe; nothing, one hopes. */
export function typeErrors(recipe: string, files?: Record<string, string>): string {
  const folder = unpack(recipe, files)
  const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  return status === 0 ? '' : `${status}: ${stdout}`
}

/** Starts a cluster of a recipe's workers; it ends with the test. */
export async function runRecipe(
  recipe: string,
  { files, worker = 'worker.ts', workers = 4, env = {} }: RecipeOptions = {},
) {
  const exec = join(unpack(recipe, files), worker)
  const primary = new Child(process.execPath, [join(root, 'test/recipes/primary.mjs'), JSON.stringify(exec)], env)
  onTestFinished(async () => {
    primary.process.stdin?.end()
    await primary.ended
  })
  const cluster = new Cluster(primary)
  for (let i = 0; i < workers; i++) await cluster.fork()
  return cluster
}

export class Cluster {
  readonly #primary: Child
  readonly #events: WorkerEvent[] = []

  constructor(primary: Child) {
    this.#primary = primary
  }

  /** Starts one more worker. */
  async fork(): Promise<WorkerEvent> {
    this.#primary.tell('fork')
    return this.next((event) => event.online === true)
  }

  tell(worker: number, ...words: unknown[]): void {
    this.#primary.tell(worker, ...words)
  }

  /** Tells a worker something and waits for what it says next. */
  async ask<T = unknown>(worker: number, ...words: unknown[]): Promise<T> {
    this.tell(worker, ...words)
    return (await this.next((event) => event.worker === worker && 'said' in event)).said as T
  }

  /** Kills a worker; when this returns it is gone. */
  async kill({ worker, pid }: WorkerEvent): Promise<void> {
    process.kill(pid, 'SIGKILL')
    await this.next((event) => event.worker === worker && event.ended !== undefined)
  }

  /** The next event that matches; the others are kept. An error when a worker ends by itself. */
  async next(matches: (event: WorkerEvent) => boolean): Promise<WorkerEvent> {
    for (let at = this.#events.findIndex(matches); ; at = this.#events.findIndex(matches)) {
      if (at >= 0) return this.#events.splice(at, 1)[0] as WorkerEvent
      const event = await this.#primary.next<WorkerEvent>()
      if (event.ended !== undefined && event.ended !== 'SIGKILL') {
        throw new Error(`worker ${event.worker} ended: ${event.ended}\n${this.#primary.stderr}`)
      }
      this.#events.push(event)
    }
  }
}
