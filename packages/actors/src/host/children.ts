import { wrongType } from '../../../shared/check.js'
import { Actor, type ActorClass, type ChildOptions, type DeactivateReason } from '../actor/actor.js'
import { type ActorType, actorType } from '../actor/methods.js'
import { childIdOf } from '../base/childid.js'
import { defaultLimits } from '../base/crashes.js'
import type { Call } from '../caller/call.js'
import { Supervision } from '../supervision/supervision.js'
import { Activation } from './activation.js'
import type { Home } from './home.js'
import type { Turn } from './turn.js'

const types = new WeakMap<ActorClass, ActorType>()

function typeOf(Class: ActorClass): ActorType {
  const known = types.get(Class) ?? actorType(String(Class?.name), Class)
  types.set(Class, known)
  return known
}

/** One child, from activation to activation. */
interface Child {
  readonly type: ActorType
  activation: Activation | undefined
  /** Calls that wait for its next activation. */
  waiting: Turn[]
}

/** The children of one activation: actors that live in it, and are called only by it. */
export class Children {
  readonly #parent: Activation
  readonly #home: Home
  readonly #supervision: Supervision
  readonly #children = new Map<string, Child>()
  #reason: DeactivateReason = 'asked'
  /** Whether they end, so that none is begun. */
  #isClosed = false

  constructor(parent: Activation) {
    this.#parent = parent
    const { home, type } = parent
    this.#home = {
      clock: home.clock,
      log: home.log,
      filters: home.filters,
      overflow: home.overflow,
      databases: home.databases,
      blocked: home.blocked,
      tally: home.tally,
      commits: undefined,
      refer: (...call) => home.refer(...call),
      emit: (topic, value) => home.emit(topic, value),
      monitor: (...what) => home.monitor(...what),
      noteCrash: () => {}, // the supervision counts
      forget: (activation, reason, left) => this.#forget(activation, reason, left),
    }
    this.#supervision = new Supervision({
      strategy: type.strategy,
      limits: defaultLimits,
      clock: home.clock,
      onLimit: () => {
        this.#isClosed = true
        parent.crash()
        return false
      },
    })
  }

  /** Whether no call waits or runs, and no timer is set. */
  get isIdle(): boolean {
    return [...this.#children.values()].every(({ activation }) => activation?.isIdle === true)
  }

  /** The activation of a child; undefined: there is none now. */
  find(name: string): Activation | undefined {
    return this.#children.get(name)?.activation
  }

  /** The activations of the children that have one now. */
  *activations(): Generator<Activation, void, undefined> {
    for (const { activation } of this.#children.values()) if (activation !== undefined) yield activation
  }

  /** The calls that wait for the next activation of a child, and the id of the child. */
  *waits(): Generator<{ id: string; turn: Turn }, void, undefined> {
    for (const [name, { waiting }] of this.#children) {
      for (const turn of waiting) yield { id: childIdOf(this.#parent.id, name), turn }
    }
  }

  /** A reference to a child, which is started if there is none of this name. */
  get(Class: ActorClass, name: string, { restart = 'permanent' }: ChildOptions): object {
    const known = this.#children.get(name)
    if (!(Class?.prototype instanceof Actor)) throw wrongType('Class', Class, 'a class that extends Actor')
    const type = typeOf(Class)
    if (known !== undefined && known.type !== type) throw wrongType('Class', Class, `${known.type.name}, as before`)
    // One that is started after all others have ended would never end.
    if (known === undefined && !this.#isClosed) this.#add(type, name, restart)
    const { home, id } = this.#parent
    const submit = (call: Call) => call.waitFor(() => this.#take(name, call))
    return home.refer(id, name, {}, this.#parent, { id: childIdOf(id, name), submit })
  }

  #add(type: ActorType, name: string, restart: NonNullable<ChildOptions['restart']>): void {
    const child: Child = { type, activation: undefined, waiting: [] }
    this.#children.set(name, child)
    this.#supervision.add({
      name,
      restart,
      start: () => this.#start(child, name),
      stop: async () => child.activation?.end(this.#reason),
      removed: () => {
        this.#children.delete(name)
        for (const turn of child.waiting.splice(0)) this.#refuse(name, turn)
      },
    })
  }

  #start(child: Child, name: string): void {
    const { id, token } = this.#parent
    const activation = new Activation(this.#home, child.type, name, childIdOf(id, name), token)
    child.activation = activation
    for (const turn of child.waiting.splice(0)) activation.take(turn)
    void activation.activate()
  }

  #take(name: string, turn: Turn): Activation | undefined {
    const child = this.#children.get(name)
    if (child?.activation !== undefined) child.activation.take(turn)
    else if (child !== undefined) this.#wait(child, turn)
    else this.#refuse(name, turn)
    return child?.activation
  }

  #wait({ waiting }: Child, turn: Turn): void {
    turn.sinceMs = this.#home.clock.now()
    waiting.push(turn)
  }

  #refuse(name: string, turn: Turn): void {
    const message = `${this.#parent.id} has no child ${name} any more`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_UNKNOWN', message, outcome: 'not-run' } })
  }

  /** A child has ended. */
  #forget(activation: Activation, reason: DeactivateReason, left: readonly Turn[]): void {
    const name = activation.key
    const child = this.#children.get(name)
    if (child?.activation !== activation) return
    child.activation = undefined
    child.waiting.push(...left.filter(({ method }) => method !== ''))
    this.#supervision.ended(name, this.#supervision.runOf(name) ?? 0, reason === 'crashed')
  }

  /** Ends all children, the last one first. */
  close(reason: DeactivateReason): Promise<void> {
    this.#reason = reason
    this.#isClosed = true
    return this.#supervision.close()
  }

  /** Aborts what runs in the children. */
  abort(reason: unknown): void {
    for (const { activation } of this.#children.values()) activation?.abort(reason)
  }

  /** Ends at once, as with the death of the process. */
  abandon(): void {
    for (const { activation } of this.#children.values()) activation?.abandon()
    this.#children.clear()
  }
}
