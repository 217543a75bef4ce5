import { serialize } from 'node:v8'
import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../../../shared/check.js'
import type {
  Actor,
  ActorClass,
  ActorContext,
  ActorLog,
  ChildOptions,
  MonitorEnd,
  TimerOptions,
} from '../actor/actor.js'
import { type CallOptions, type Invoke, makeTell, type Ref, type Tell } from '../actor/ref.js'
import type { ActorSql } from '../actor/sql.js'
import type { ActorStorage, AlarmEntry, AlarmTime } from '../actor/storage.js'
import type { ClockTimer } from '../base/clock.js'
import type { Ending } from '../base/wire.js'
import type { Activation } from './activation.js'
import { timeOf } from './alarmtime.js'
import { Children } from './children.js'
import type { Ledger } from './ledger.js'
import { Sql } from './sql.js'
import { Storage } from './storage.js'
import { TimerTurn } from './turn.js'

interface Timer {
  handle: ClockTimer
}

/** `ctx` of one activation. */
export class Context implements ActorContext<never> {
  readonly #activation: Activation
  #timers: Map<string, Timer> | undefined
  /** What takes the monitors back. */
  #monitors: Set<AbortController> | undefined
  #children: Children | undefined
  #storage: Storage | undefined
  #sql: Sql | undefined
  #isOver = false

  constructor(activation: Activation) {
    this.#activation = activation
  }

  get type(): string {
    return this.#activation.type.name
  }

  get key(): string {
    return this.#activation.key
  }

  get token(): number {
    return this.#activation.token
  }

  get signal(): AbortSignal {
    return this.#activation.turn?.signal ?? this.#activation.signal
  }

  get storage(): ActorStorage<never> {
    this.#storage ??= new Storage(this.#ledger)
    return this.#storage
  }

  get sql(): ActorSql {
    const { type, id } = this.#activation
    if (type.storage !== 'sql') {
      throw new TypeError(`${id} has no database: its class needs static readonly storage = 'sql'`)
    }
    this.#sql ??= new Sql(this.#ledger)
    return this.#sql
  }

  get #ledger(): Ledger {
    const { ledger, id } = this.#activation
    if (ledger !== undefined) return ledger
    const where = "in a system with a store, and not as a child or with placement: 'local' or 'process'"
    throw new TypeError(`${id} has no storage: actors have it ${where}`)
  }

  setAlarm(name: string, time: AlarmTime): void {
    checkName('name', name, 256)
    const { cron, zone, atMs } = timeOf(time, this.#activation.home.clock.date())
    const [type, key] = [this.type, this.key]
    const alarm = { type, key, name, atMs, scheduledMs: atMs, attempt: 0, cron, zone }
    this.#ledger.draft().setAlarm(name, alarm)
  }

  deleteAlarm(name: string): boolean {
    checkName('name', name, 256)
    const draft = this.#ledger.draft()
    if (this.#ledger.alarm(name) === undefined) return false
    draft.setAlarm(name, undefined)
    return true
  }

  outbox<A extends Actor>(type: string, key: string): Tell<A> {
    const ledger = this.#ledger
    const { home } = this.#activation
    home.refer(type, key, {}, { chain: [], turn: undefined }) // checks the names
    const invoke: Invoke = (method, args) => {
      ledger.draft().addMessage({ type, key, method, args: serialize(args) })
      return undefined
    }
    return makeTell(invoke) as Tell<A>
  }

  alarms(): AlarmEntry[] {
    const names = [...this.#ledger.alarmNames()].sort()
    return names.map((name) => ({ name, at: new Date(this.#ledger.alarm(name)?.atMs ?? 0) }))
  }

  get log(): ActorLog {
    const { id, home } = this.#activation
    const { log } = home
    return {
      debug: (...values) => log.debug(id, ...values),
      info: (...values) => log.info(id, ...values),
      warn: (...values) => log.warn(id, ...values),
      error: (...values) => log.error(id, ...values),
    }
  }

  actor<A extends Actor>(type: string, key: string, options: CallOptions = {}): Ref<A> {
    const activation = this.#activation
    return activation.home.refer(type, key, options, activation) as Ref<A>
  }

  setTimer(name: string, options: TimerOptions, run: () => unknown): void {
    checkName('name', name, 128)
    checkOptions('options', options, ['afterMs', 'everyMs'])
    const { everyMs, afterMs = everyMs } = options
    checkInteger('afterMs', afterMs, 0, 0x7fffffff)
    if (everyMs !== undefined) checkInteger('everyMs', everyMs, 1, 0x7fffffff)
    if (typeof run !== 'function') throw wrongType('run', run, 'a function')
    this.#checkLives('a timer')
    this.clearTimer(name)
    const timer: Timer = { handle: undefined }
    this.#timers ??= new Map()
    this.#timers.set(name, timer)
    const onEnd = (ending: Ending) => {
      if (ending.how === 'threw') this.log.error(`the timer ${name} failed:`, ending.failure.stack)
      if (this.#timers?.get(name) !== timer) return
      if (everyMs === undefined) this.#timers.delete(name)
      else schedule(everyMs)
    }
    const schedule = (ms: number) => {
      const { clock } = this.#activation.home
      timer.handle = clock.setTimeout(() => this.#activation.take(new TimerTurn(run, onEnd)), ms, false)
    }
    schedule(afterMs)
  }

  clearTimer(name: string): boolean {
    const timer = this.#timers?.get(name)
    if (timer === undefined) return false
    this.#activation.home.clock.clearTimeout(timer.handle)
    return this.#timers?.delete(name) === true
  }

  monitor(actor: { type: string; key: string }, run: (end: MonitorEnd) => unknown): () => void {
    const { type, key } = actor ?? {}
    checkName('type', type, 128)
    checkName('key', key, 256)
    if (typeof run !== 'function') throw wrongType('run', run, 'a function')
    this.#checkLives('a monitor')
    const activation = this.#activation
    const stop = new AbortController()
    this.#monitors ??= new Set()
    this.#monitors.add(stop)
    const end = () => {
      stop.abort()
      this.#monitors?.delete(stop)
    }
    const onEnd = (ending: Ending) => {
      if (ending.how === 'threw') this.log.error(`the monitor of ${type}/${key} failed:`, ending.failure.stack)
    }
    const fire = (reason: MonitorEnd) => {
      if (stop.signal.aborted) return
      end()
      activation.take(new TimerTurn(() => run(reason), onEnd))
    }
    activation.home.monitor(type, `${type}/${key}`, fire, stop.signal)
    return end
  }

  /** Whether a timer or a monitor is set, or a child is busy. */
  get isBusy(): boolean {
    if (this.#children?.isIdle === false) return true
    return (this.#timers?.size ?? 0) + (this.#monitors?.size ?? 0) > 0
  }

  /** Takes back all timers and monitors. */
  close(): void {
    for (const stop of this.#monitors ?? []) stop.abort()
    this.#monitors?.clear()
    for (const name of [...(this.#timers?.keys() ?? [])]) this.clearTimer(name)
  }

  /** The activation has ended: from now on there are none. */
  end(): void {
    this.#isOver = true
    this.close()
  }

  /** What code that has outlived the activation begins would never end. */
  #checkLives(what: string): void {
    if (this.#isOver) throw new TypeError(`${this.#activation.id}: ${what} needs an activation, and this one has ended`)
  }

  child<A extends Actor>(Class: ActorClass<A>, name: string, options: ChildOptions = {}): Ref<A> {
    checkName('name', name, 256)
    checkOptions('options', options, ['restart'])
    const { restart = 'permanent' } = options
    if (!['permanent', 'transient', 'temporary'].includes(restart)) {
      throw outOfRange('restart', restart, '"permanent", "transient" or "temporary"')
    }
    if (this.#children === undefined) this.#checkLives('a child')
    this.#children ??= new Children(this.#activation)
    return this.#children.get(Class, name, options) as Ref<A>
  }

  /** Its children; undefined: it has had none. */
  get children(): Children | undefined {
    return this.#children
  }

  emit(topic: string, value: unknown): void {
    const { home, id, ledger } = this.#activation
    if (ledger === undefined) {
      home.emit(topic, value)
      return
    }
    const json = JSON.stringify(value)
    if (json === undefined) throw wrongType('value', value, 'a value that has JSON')
    const publish = () => {
      try {
        home.emit(topic, JSON.parse(json))
      } catch (error) {
        home.log.error(id, `an event of the topic ${topic} could not be published:`, error)
      }
    }
    ledger.leaveLater(publish)
  }

  deactivate(): void {
    void this.#activation.end('asked')
  }
}
