import { type Actor, construct, type DeactivateReason } from '../actor/actor.js'
import type { ActorType } from '../actor/methods.js'
import { type Ending, failureOf, type Refusal } from '../base/wire.js'
import type { Children } from './children.js'
import { Context } from './context.js'
import { filteredCall, throughFilters } from './filter.js'
import type { Home, MonitorTag } from './home.js'
import { Items, sourceOf } from './items.js'
import { isPromise, Ledger } from './ledger.js'
import { refusalOf } from './refusedstate.js'
import { Running } from './running.js'
import { Streams } from './streams.js'
import { type Turn, turns } from './turn.js'

/** One living object. It runs one turn at a time, but readers beside each other. */
export class Activation {
  readonly type: ActorType
  readonly key: string
  /** The type, "/", and the key; then "@" and the process, if each has its own. A child has one of its own form. */
  readonly id: string
  readonly token: number
  readonly home: Home
  /** Set while it is monitored. */
  monitor: MonitorTag | undefined
  /** When the last turn ended, in milliseconds of the clock. */
  usedMs: number
  #state: 'activating' | 'active' | 'ending' | 'ended' = 'activating'
  #actor: Actor | undefined
  #context: Context | undefined
  #ledger: Ledger | undefined
  /** Turns that wait. Made when the first one does. */
  #mailbox: Set<Turn> | undefined
  readonly #running = new Running()
  #streams: Streams | undefined
  #readers = 0
  #isPumping = false
  #abort: AbortController | undefined
  /** Why it ends as soon as no turn runs; undefined: it does not. */
  #endsFor: DeactivateReason | undefined
  #onEnded: (() => void)[] = []

  constructor(home: Home, type: ActorType, key: string, id: string, token: number) {
    this.home = home
    this.type = type
    this.key = key
    this.id = id
    this.token = token
    this.usedMs = home.clock.now()
  }

  /** Constructs the object and runs its onActivate, in no turn: the call may come from a turn of another actor. */
  activate(): Promise<void> {
    return turns.run(undefined, () => this.#activate())
  }

  async #activate(): Promise<void> {
    try {
      this.#context = new Context(this)
      if (this.home.commits !== undefined) {
        const opened = Ledger.open(this, this.home.commits)
        this.#ledger = opened instanceof Promise ? await opened : opened
        if (this.#isOver) return this.#ledger.close() // abandoned in between
        const migrated = this.#ledger.migrate(this.#context)
        if (migrated !== undefined) await migrated
      }
      const begun = this.#begin(this.#context)
      if (isPromise(begun)) await begun
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#isOver) return
    this.#state = 'active'
    this.#pump()
  }

  #begin(context: Context): unknown {
    const begin = () => {
      this.#actor = construct(this.type.Class, context)
      return this.#actor.onActivate?.()
    }
    return this.#ledger === undefined ? begin() : this.#ledger.runHook(begin)
  }

  /** Whether it has ended, also where it was something else a moment ago. */
  get #isOver(): boolean {
    return this.#state === 'ended'
  }

  /** Refuses what waits; the next call makes another activation. */
  #fail(error: unknown): void {
    if (this.#isOver) return
    const message = `${this.id}: it could not be activated`
    const failure = failureOf(error)
    const code = 'ERR_ORBIT_ACTOR_ACTIVATION'
    const refusal: Refusal = refusalOf(error) ?? { code, message, outcome: 'not-run', failure }
    for (const turn of this.takeWaiting()) turn.end({ how: 'refused', refusal })
    this.home.noteCrash(this.id)
    this.#over('crashed')
  }

  /** Whether it takes calls. Otherwise it ends, and calls wait for `ended`. */
  get isOpen(): boolean {
    return this.#state === 'activating' || this.#state === 'active'
  }

  /** How many turns wait, and run. */
  get load(): number {
    return (this.#mailbox?.size ?? 0) + this.#running.size
  }

  /** Whether nothing needs it. */
  get isIdle(): boolean {
    return this.#state === 'active' && this.load === 0 && !this.#streams?.size && this.#context?.isBusy !== true
  }

  /** The turn that the code which asks belongs to; undefined: none, or it is not known which. */
  get turn(): Turn | undefined {
    return this.#running.current(this.#tracksTurns)
  }

  /** What it has in the store; undefined: it has no storage. */
  get ledger(): Ledger | undefined {
    return this.#ledger
  }

  /** The turns that wait, in order. */
  get waiting(): Iterable<Turn> {
    return this.#mailbox ?? []
  }

  /** The turns that run. */
  get running(): Iterable<Turn> {
    return this.#running
  }

  /** The turns of its streams. */
  get streaming(): Iterable<Turn> {
    return this.#streams?.turns ?? []
  }

  /** Its children; undefined: it has had none. */
  get children(): Children | undefined {
    return this.#context?.children
  }

  isRunning(turn: Turn): boolean {
    return this.#running.has(turn)
  }

  /** The turn of a call, whether it waits or runs. */
  turnOf(callId: string): Turn | undefined {
    for (const turn of this.#running) if (turn.callId === callId) return turn
    for (const turn of this.waiting) if (turn.callId === callId) return turn
    return undefined
  }

  /** Whether one turn at a time runs. */
  get isExclusive(): boolean {
    return this.type.reentrant === false && this.type.readonly.size === 0
  }

  /** The actors that wait for what the asking code calls, this one last. */
  get chain(): readonly string[] {
    const [first] = this.#state === 'activating' ? (this.#mailbox ?? []) : []
    return [...((first ?? this.turn)?.chain ?? []), this.id]
  }

  /** Whether code of several turns runs by turns. */
  get #tracksTurns(): boolean {
    return !this.isExclusive || this.type.streams.size > 0
  }

  /** Takes a turn: it runs now, or waits, or is refused. */
  take(turn: Turn): void {
    if (turn.idempotencyKey !== undefined && this.home.commits === undefined) this.#refuseKey(turn)
    else if (turn.chain.includes(this.id)) this.#takeBack(turn)
    else if (this.#canRun(turn) && (this.#mailbox?.size ?? 0) === 0) this.#run(turn)
    else this.#enqueue(turn)
  }

  #refuseKey(turn: Turn): void {
    const message = `${this.id}: an idempotencyKey needs an actor with storage`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_STORE', message, outcome: 'not-run' } })
  }

  /** A turn whose caller waits for this actor. */
  #takeBack(turn: Turn): void {
    if (this.type.reentrant === 'chain' && this.#state === 'active') {
      this.#run(turn)
      return
    }
    const path = [...turn.chain.slice(turn.chain.indexOf(this.id)), this.id]
    const message = `${this.id}.${turn.method} would wait for itself: ${path.join(' -> ')}`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_CYCLE', message, outcome: 'not-run', path } })
  }

  #enqueue(turn: Turn): void {
    this.#mailbox ??= new Set()
    const isOver = this.#mailbox.size >= this.type.mailbox
    if (isOver && this.type.full === 'drop' && turn.isTell) {
      this.home.tally.refused++
      turn.end({ how: 'returned', value: undefined })
      return
    }
    if (isOver && (this.type.full !== 'wait' || !this.home.overflow.enter())) {
      this.home.tally.refused++
      const message = `${this.id}: ${this.#mailbox.size} calls wait for it`
      turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_BUSY', message, outcome: 'not-run' } })
      return
    }
    turn.sinceMs = this.home.clock.now()
    this.#mailbox.add(turn)
    this.home.blocked.add(this)
  }

  /** Takes a waiting turn back; false: it does not wait. */
  remove(turn: Turn): boolean {
    if (this.#mailbox?.delete(turn) !== true) return false
    if (this.#mailbox.size >= this.type.mailbox) this.home.overflow.leave()
    if (this.#mailbox.size === 0) this.home.blocked.delete(this)
    return true
  }

  #canRun(turn: Turn): boolean {
    if (this.#state !== 'active' || this.#endsFor === 'crashed') return false
    const running = this.#running.size
    return running === 0 || (running === this.#readers && this.type.readonly.has(turn.method))
  }

  /** Runs what can run now, in order. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    for (const turn of this.#mailbox ?? []) {
      if (!this.#canRun(turn)) break
      this.remove(turn)
      this.#run(turn)
    }
    this.#isPumping = false
    if (this.#running.size > 0) return
    if (this.#endsFor !== undefined && (this.#endsFor === 'crashed' || this.load === 0))
      void this.#finish(this.#endsFor)
  }

  #run(turn: Turn): void {
    if (!turn.begin()) return
    turn.sinceMs = this.home.clock.now()
    this.#running.add(turn)
    if (this.type.readonly.has(turn.method)) this.#readers++
    let result: unknown
    try {
      result = this.#tracksTurns ? turns.run(turn, () => this.#invoke(turn)) : this.#invoke(turn)
    } catch (error) {
      this.#ended(turn, { how: 'threw', failure: failureOf(error) })
      return
    }
    if (!isPromise(result)) {
      this.#returned(turn, result)
      return
    }
    result.then(
      (value) => this.#returned(turn, value),
      (error: unknown) => this.#ended(turn, { how: 'threw', failure: failureOf(error) }),
    )
  }

  #returned(turn: Turn, result: unknown): void {
    if (!turn.isStream) {
      this.#ended(turn, { how: 'returned', value: result })
      return
    }
    const source = sourceOf(result)
    if (source === undefined) {
      const error = new TypeError(`${this.id}.${turn.method}: a filter has returned what has no items`)
      this.#ended(turn, { how: 'threw', failure: failureOf(error) })
      return
    }
    const items = new Items(this, turn, source)
    this.#streams ??= new Streams()
    this.#streams.add(items)
    this.#ended(turn, { how: 'returned', value: items })
  }

  /** A stream has no more items, or its consumer has left. */
  streamEnded(items: Items): void {
    this.#streams?.delete(items)
    this.usedMs = this.home.clock.now()
  }

  #invoke(turn: Turn): unknown {
    return this.#ledger === undefined ? this.#call(turn) : this.#ledger.run(turn, () => this.#call(turn))
  }

  #call(turn: Turn): unknown {
    const { filters } = this.home
    const actor = this.#actor as Actor
    if (filters.length === 0 || turn.method === '') return turn.invoke(actor)
    return throughFilters(filters, filteredCall(this.type.name, this.key, turn), () => turn.invoke(actor))
  }

  #ended(turn: Turn, ending: Ending): void {
    this.#running.delete(turn)
    if (this.type.readonly.has(turn.method)) this.#readers--
    this.usedMs = this.home.clock.now()
    if (ending.how === 'threw') {
      this.home.tally.failures++
      if (turn.isTell) this.home.log.error(this.id, `${turn.method} failed:`, ending.failure.stack)
      if (this.type.onError === 'restart') this.#crash()
    }
    if (this.#ledger === undefined) turn.end(ending)
    else this.#ledger.finish(turn, ending)
    this.#pump()
  }

  /** Ends it as one that has failed, once no turn runs. */
  crash(): void {
    this.#crash()
    if (this.#state === 'active') this.#pump()
  }

  #crash(): void {
    if (this.#endsFor === 'crashed' || !this.isOpen) return
    this.home.noteCrash(this.id)
    this.#endsFor = 'crashed'
  }

  /** Ends the activation: its memory is not what the store has. It is no crash of the actor. */
  restart(): void {
    if (this.isOpen) this.#endsFor = 'crashed'
    if (this.#state === 'active') this.#pump()
  }

  /** Ends the activation once no turn waits or runs. Resolves when it has ended. */
  end(reason: DeactivateReason): Promise<void> {
    if (this.#state === 'ended') return Promise.resolve()
    const ended = new Promise<void>((resolve) => this.#onEnded.push(resolve))
    if (this.#endsFor === undefined || this.#endsFor === 'asked') this.#endsFor = reason
    if (this.#state === 'active') this.#pump()
    return ended
  }

  /** Aborted when the activation must end. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  /** Aborts the signals of the turns that run, and that of the activation. */
  abort(reason: unknown): void {
    this.#abort?.abort(reason)
    for (const turn of this.#running) turn.abort(reason)
    this.#context?.children?.abort(reason)
  }

  async #finish(reason: DeactivateReason): Promise<void> {
    if (this.#state !== 'active') return
    this.#state = 'ending'
    this.#context?.close()
    await this.#context?.children?.close(reason)
    await this.#streams?.end(this.id, reason, this.home.clock)
    try {
      const hook = () => this.#actor?.onDeactivate?.(reason)
      if (this.#ledger === undefined) await hook()
      else await this.#ledger.runHook(hook, reason === 'crashed')
    } catch (error) {
      this.home.log.error(this.id, 'onDeactivate failed:', error)
    }
    await this.#context?.children?.close(reason) // onDeactivate may have begun some
    await this.#ledger?.settled()
    if (!this.#isOver) this.#over(reason)
  }

  #over(reason: DeactivateReason): void {
    this.#context?.end()
    void this.#context?.children?.close(reason)
    this.#ledger?.close()
    this.#state = 'ended'
    this.home.forget(this, reason, this.takeWaiting())
    for (const resolve of this.#onEnded.splice(0)) resolve()
  }

  /** Ends at once, as with the death of its process. */
  abandon(): void {
    this.#context?.end()
    this.#context?.children?.abandon()
    this.#ledger?.close()
    this.#state = 'ended'
    void this.#streams?.end(this.id, 'crashed', this.home.clock)
    this.takeWaiting()
  }

  /** Empties the mailbox, and returns what waited. */
  takeWaiting(): Turn[] {
    const left = [...(this.#mailbox ?? [])]
    for (const turn of left) this.remove(turn)
    return left
  }
}
