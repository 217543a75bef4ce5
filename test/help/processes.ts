// Child processes for tests. A child lives no longer than its test, whether that passes, fails or is killed; a fleet's
// objects are gone when its test is over. Nothing here waits for a length of time.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const shmFolder = '/dev/shm'
export const isLinux = process.platform === 'linux'
export const isSanitized = (process.env['LD_PRELOAD'] ?? '').includes('asan')

let names = 0

/** A fleet name that nobody else uses. Its objects, and those of names that begin with it, go when the test is over. */
export function uniqueFleet(label = 't'): string {
  const name = `${label}.${process.pid}.${names++}`
  onTestFinished(() => {
    for (const object of objectsOf(name)) rmSync(join(shmFolder, object), { recursive: true, force: true })
  })
  return name
}

/** The objects whose fleet name begins with `name`, sorted. */
export function objectsOf(name: string): string[] {
  return readdirSync(shmFolder)
    .filter((object) => new RegExp(`^orbit-${name.replaceAll('.', '\\.')}[-.]`).test(object))
    .sort()
}

export function objectPath(name: string, what: number | 'fleet'): string {
  return join(shmFolder, `orbit-${name}-${what}-${process.geteuid?.()}`)
}

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A fixture that runs: it writes a JSON line to say something, and reads a JSON line to be told something. */
export class Child {
  readonly process: ChildProcess
  readonly ended: Promise<Ending>
  #said: unknown[] = []
  #waiting: (() => void)[] = []
  #ending: Ending | undefined
  #stderr = ''

  constructor(command: string, args: string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.process.stdin?.on('error', () => {}) // it died before it read; `next` tells
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

  /** What it says next; undefined when it ended without a word more. */
  async heard<T = unknown>(): Promise<T | undefined> {
    while (this.#said.length === 0 && this.#ending === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#said.shift() as T | undefined
  }

  /** What it says next; an error when it ends instead. */
  async next<T = unknown>(): Promise<T> {
    const said = await this.heard<T>()
    if (said === undefined) throw new Error(`child ${this.pid} ended: ${JSON.stringify(this.#ending)}\n${this.#stderr}`)
    return said
  }

  tell(...words: unknown[]): void {
    this.process.stdin?.write(`${JSON.stringify(words)}\n`)
  }

  /** Tells it something and waits for its answer. */
  async ask<T = unknown>(...words: unknown[]): Promise<T> {
    this.tell(...words)
    return this.next<T>()
  }

  /** Kills it; when this returns it is gone, and so are its locks. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.process.kill(signal)
    return this.ended
  }

  /** Stops it; when this returns none of its threads runs. */
  async stop(): Promise<void> {
    this.process.kill('SIGSTOP')
    await this.stopped()
  }

  /** Waits until somebody has stopped it, or it is over. */
  async stopped(): Promise<void> {
    while (!this.isOver && !isStopped(this.pid)) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Does none of its threads run, because somebody has stopped it? */
export function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  try {
    return readdirSync(threads).every((thread) => {
      const stat = readFileSync(`${threads}/${thread}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'T'
    })
  } catch {
    return false // it ends right now, or one of its threads does
  }
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv
  /** Node's own options. */
  nodeOptions?: string[]
  /** A command before `node`, such as prlimit with its options. */
  through?: string[]
}

// The kernel kills a child whose parent has died, also one that is stopped or in a loop.
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

/** Builds (unless it is there, or ORBIT_FAULT_ADDON names one) the addon with the fault points of native/posix/fault.h. */
export function faultAddon(): string {
  return process.env['ORBIT_FAULT_ADDON'] ?? madeAddon('fault')
}

/** Builds (unless it is there) the addon of another layout version. */
export const otherLayoutAddon = (): string => madeAddon('layout')

function madeAddon(which: string): string {
  const path = `build/addon/${which}/orbit.node`
  const made = spawnSync('make', ['-C', join(root, 'native'), path], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make ${path}: ${made.stdout}${made.stderr}`)
  return join(root, 'native', path)
}

export function canRun(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

/** A small seeded generator (mulberry32). */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** ORBIT_SEED, or a new one; printed, so that a failure can be had again. */
export function newSeed(label: string): number {
  const seed = Number(process.env['ORBIT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`${label}: ORBIT_SEED=${seed}`)
  return seed
}

/** Where the shared words stand (native/protocol/layout.h), for tests that write what a peer, or a vandal, would have written. */
export const at = {
  magic: 0,
  layoutVersion: 8,
  objectType: 12,
  objectBytes: 16,
  fleetId: 32,
  retired: 40,
  size: 64, // of the fleet object
  kinds: 128,
  records: 192,
  recordBytes: 256,
  typeKind: 64, // of a ring object, from here on
  capacity: 72,
  payloadBytes: 80,
  fleetSize: 96,
  fingerprint: 112,
  typeName: 128,
  hint: 192,
  floor: 256,
  sparesTaken: 384,
  ring: (capacity: number, payloadBytes: number, size: number) => {
    const line = (bytes: number) => Math.ceil(bytes / 64) * 64
    const spareCount = Math.max(4, Math.floor(size / 4))
    const slots = 448 + line(Math.ceil(size / 64) * 8)
    const entries = slots + line(capacity * 8)
    const spares = entries + size * 64
    const chunks = spares + line(spareCount * 8)
    const stride = line(24 + payloadBytes)
    return { slots, entries, spares, chunks, stride, spareCount, end: chunks + (capacity + size + spareCount) * stride }
  },
}
