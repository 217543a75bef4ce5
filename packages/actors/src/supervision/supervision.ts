import type { Clock, ClockTimer } from '../base/clock.js'
import { Crashes, type CrashLimits } from '../base/crashes.js'

/**
 * When a member is started again. 'permanent': whenever it has ended. 'transient': when it has failed. 'temporary':
 * never.
 */
export type Restart = 'permanent' | 'transient' | 'temporary'

/**
 * Which members are started again when one is. 'one-for-one': that one. 'one-for-all': all. 'rest-for-one': that one,
 * and those that were added after it.
 */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one'

/** What is supervised. */
export interface Ward {
  readonly name: string
  readonly restart: Restart
  /** Begins it. */
  start(): void
  /** Ends it, and resolves when it has ended. Called only while it runs. */
  stop(): Promise<void>
  /** It has ended, and is not started again. */
  removed(): void
}

export interface SupervisionOptions {
  readonly strategy: Strategy
  readonly limits: CrashLimits
  readonly clock: Clock
  /** There were too many restarts: true: they rest for a while; false: all have been given up. */
  onLimit(name: string): boolean
}

type State = 'running' | 'stopping' | 'down'

interface Entry {
  readonly ward: Ward
  state: State
  /** Tells the runs of a ward apart. */
  run: number
}

/** Starts members again when they end, by a strategy, and not too often (supervisor of Erlang). */
export class Supervision {
  readonly #options: SupervisionOptions
  readonly #crashes: Crashes
  /** In the order in which they were added. */
  readonly #entries = new Map<string, Entry>()
  #work: Promise<void> = Promise.resolve()
  #rest: { timer: ClockTimer; end: () => void } | undefined
  #closing: Promise<void> | undefined

  constructor(options: SupervisionOptions) {
    this.#options = options
    this.#crashes = new Crashes(options.clock, options.limits)
  }

  /** Adds a member, and starts it. */
  add(ward: Ward): void {
    const entry: Entry = { ward, state: 'down', run: 0 }
    this.#entries.set(ward.name, entry)
    this.#start(entry)
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** Tells the present run of a member from later ones; undefined: there is no such member. */
  runOf(name: string): number | undefined {
    return this.#entries.get(name)?.run
  }

  #start(entry: Entry): void {
    entry.run++
    entry.state = 'running'
    entry.ward.start()
  }

  /** A run of a member has ended. */
  ended(name: string, run: number, isFailure: boolean): void {
    const entry = this.#entries.get(name)
    if (entry === undefined || entry.run !== run || entry.state !== 'running' || this.#isClosed) return
    entry.state = 'down'
    const { ward } = entry
    if (ward.restart === 'temporary' || (ward.restart === 'transient' && !isFailure)) {
      this.#entries.delete(name)
      ward.removed()
      return
    }
    const isOver = this.#crashes.note('all')
    if (isOver && !this.#options.onLimit(name)) {
      void this.close()
      return
    }
    this.#work = this.#work.then(() => this.#restart(entry, isOver))
  }

  /** The members that are started again with one. */
  #groupOf(entry: Entry): Entry[] {
    const { strategy } = this.#options
    if (strategy === 'one-for-one') return [entry]
    const all = [...this.#entries.values()]
    return strategy === 'one-for-all' ? all : all.slice(all.indexOf(entry))
  }

  async #restart(entry: Entry, mustRest: boolean): Promise<void> {
    if (entry.state !== 'down' || this.#isClosed) return // it was started again with another one
    const group = this.#groupOf(entry)
    for (const each of [...group].reverse()) await this.#stop(each)
    if (mustRest) await this.#pause(this.#crashes.restOf('all'))
    for (const each of group) {
      if (this.#isClosed) return
      if (each.state !== 'down' || !this.#entries.has(each.ward.name)) continue
      // Ended by this supervision, a temporary one is gone, too.
      if (each.ward.restart !== 'temporary') this.#start(each)
      else if (this.#entries.delete(each.ward.name)) each.ward.removed()
    }
  }

  async #stop(entry: Entry): Promise<void> {
    if (entry.state !== 'running') return
    entry.state = 'stopping'
    await entry.ward.stop()
    entry.state = 'down'
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#rest = undefined
        resolve()
      }
      this.#rest = { timer: this.#options.clock.setTimeout(end, ms, false), end }
    })
  }

  /** Ends all members, the last one first. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get #isClosed(): boolean {
    return this.#closing !== undefined
  }

  async #close(): Promise<void> {
    await undefined // from now on it is closed
    if (this.#rest !== undefined) {
      this.#options.clock.clearTimeout(this.#rest.timer)
      this.#rest.end()
    }
    await this.#work
    for (const entry of [...this.#entries.values()].reverse()) await this.#stop(entry)
    for (const { ward } of this.#entries.values()) ward.removed()
    this.#entries.clear()
  }
}
