import type { Restart, Strategy } from '../supervision/supervision.js'
import type { CallOptions, Ref, Tell } from './ref.js'
import type { ActorSql } from './sql.js'
import type { ActorStorage, Alarm, AlarmEntry, AlarmTime } from './storage.js'

/** Why an activation ends. */
export type DeactivateReason = 'idle' | 'moved' | 'shutdown' | 'asked' | 'crashed'

/**
 * What a monitor was waiting for. 'absent': the actor was not active. 'lost': its process ended without a word.
 * Otherwise why its activation has ended.
 */
export type MonitorEnd = DeactivateReason | 'absent' | 'lost'

/** Settings of a class of actors, as its static property `actor`. */
export interface ActorSettings {
  /** An activation without calls ends after so many milliseconds, 1..2^31-1; default 60,000. */
  readonly idleMs?: number
  /** The most calls that wait for one activation, 1..65,536; default 1000. */
  readonly mailbox?: number
  /**
   * What happens to a call over `mailbox`. 'wait': it waits in order as well, until its deadline, while the process has
   * fewer than 2048 such calls. 'refuse': it fails at once with ERR_ORBIT_ACTOR_BUSY. 'drop': the same, but one that
   * was made by `tell` is dropped in silence. Default 'wait'.
   */
  readonly full?: 'wait' | 'refuse' | 'drop'
  /**
   * 'fleet': one activation in all processes together. 'local': the same, in the process that calls it first, until
   * that ends or the actor is idle: for what belongs to a connection. At least 4096 are active in a fleet. 'process':
   * one in each process that calls it, which runs there: for what is kept per process, such as small caches. A process
   * that runs no actors calls those of others. Only 'fleet' has storage. Default 'fleet'.
   */
  readonly placement?: 'fleet' | 'local' | 'process'
  /**
   * With `placement: 'process'`: how many activations of each actor a process has at most, 1..1024. A call runs in one
   * that is idle, or in a new one, or in the one in which the fewest wait: for work that keeps no state between calls.
   * Default 1.
   */
  readonly workers?: number
  /** Methods that only read: they run beside each other, but not beside other methods. Default none. */
  readonly readonly?: readonly string[]
  /**
   * Whether a call may come back to an actor that waits for it. false: it is refused with ERR_ORBIT_ACTOR_CYCLE.
   * 'chain': it runs at once, while the method that waits is suspended. Default false.
   */
  readonly reentrant?: false | 'chain'
  /**
   * What an error of a method does to the activation. 'keep': nothing. 'restart': the activation ends, and the next
   * call makes a new one. Default 'keep'.
   */
  readonly onError?: 'keep' | 'restart'
  /**
   * Which children of the actor are started again when one is. 'one-for-one': that one. 'one-for-all': all, after the
   * others were ended. 'rest-for-one': that one, and those that were started after it. Default 'one-for-one'.
   */
  readonly strategy?: Strategy
  /** The version of what the class keeps in `ctx.storage`, 1..2^31-1; default 1. State of a newer one is refused. */
  readonly version?: number
  /**
   * Brings the storage of an actor that an older version of the class has written up to date, when the actor is
   * activated, before it is constructed. Its changes take effect together.
   *
   * @param storage the entries of the actor
   * @param from the version that wrote them
   */
  // biome-ignore lint/suspicious/noExplicitAny: the state of an older version has another type.
  readonly migrate?: (storage: ActorStorage<any>, from: number) => unknown
}

/** Where an actor writes to its log. Every line has the actor as its first argument: its type, "/", and its key. */
export interface ActorLog {
  /** Details for developers. */
  debug(...values: unknown[]): void
  /** Ordinary events. */
  info(...values: unknown[]): void
  /** What may need attention. */
  warn(...values: unknown[]): void
  /** Failures. */
  error(...values: unknown[]): void
}

/** When a timer of an actor fires. */
export interface TimerOptions {
  /** The time to the first call, in milliseconds, 0..2^31-1; default `everyMs`. */
  afterMs?: number
  /** Calls again so many milliseconds after each call has ended, 1..2^31-1; default: it calls once. */
  everyMs?: number
}

/** How a child of an actor is supervised. */
export interface ChildOptions {
  /**
   * When it is started again. 'permanent': whenever it has ended. 'transient': when it has crashed. 'temporary': never.
   * Default 'permanent'.
   */
  readonly restart?: Restart
}

/** What an actor knows about itself, and the means that it has. */
export interface ActorContext<State = unknown> {
  /** The name under which the class is registered. */
  readonly type: string
  /** The key of the actor, 1..256 bytes of UTF-8. */
  readonly key: string
  /**
   * The fencing token of the actor's partition, 1..2^53-1: higher than those of all processes that had it before. Send
   * it with writes to other systems. 0 with `placement: 'process'`.
   */
  readonly token: number
  /**
   * Aborted when the caller of the method that runs gives up, and when the actor must end. While several methods run at
   * a time, only the second.
   */
  readonly signal: AbortSignal
  /**
   * Entries of the actor that outlive its process.
   *
   * @throws TypeError if the system has no store, and with another placement than 'fleet'
   */
  readonly storage: ActorStorage<State>
  /**
   * The database of the actor, which outlives its process.
   *
   * @throws TypeError unless the class has `static readonly storage = 'sql'`, and where `storage` throws
   */
  readonly sql: ActorSql
  /** Writes to the log of the system. */
  readonly log: ActorLog
  /**
   * A reference to another actor. Its calls carry the actors that wait, so that cycles are found; those of references
   * from `system.get` do not.
   *
   * @throws TypeError or RangeError for wrong arguments
   */
  actor<A extends Actor>(type: string, key: string, options?: CallOptions): Ref<A>
  /**
   * Calls a function later, as a turn of the actor: no method runs at the same time. A timer keeps the activation, and
   * ends with it. One of the same name is replaced.
   *
   * @throws TypeError or RangeError for wrong arguments
   */
  setTimer(name: string, options: TimerOptions, run: () => unknown): void
  /** Takes a timer back; false: there is none of this name. */
  clearTimer(name: string): boolean
  /**
   * A reference to a child: an actor that lives in this activation, from this call on, and ends with it. Only this
   * activation can call it. It ends too when it crashes, which `onError: 'restart'` in its class makes of errors, and
   * is started again by its `restart` and the `strategy` of this class. After more than 3 restarts in 5 seconds this
   * actor crashes. Cycles through children are found only within one chain of calls.
   *
   * @param Class the class of the child; it need not be registered
   * @param name 1..256 bytes of UTF-8; a child of this name that lives is returned
   * @throws TypeError or RangeError for wrong arguments
   */
  child<A extends Actor>(Class: ActorClass<A>, name: string, options?: ChildOptions): Ref<A>
  /**
   * Publishes an event on the bus of the fleet: `new OrbitEventBus(fleet)` of orbit-node in any process subscribes to
   * it. Events are published at once, even if the method throws later; in a system with a store once the changes of the
   * method are committed.
   *
   * @param topic levels separated by dots, at most 65,535 bytes of UTF-8
   * @param value what JSON.stringify can write
   * @throws what `publishJson` of the bus throws: TypeError, RangeError ERR_ORBIT_PAYLOAD_SIZE
   */
  emit(topic: string, value: unknown): void
  /**
   * Calls a function once the present activation of another actor has ended, as a turn of this actor: no method runs at
   * the same time. It is called at once if that actor is not active. The monitor keeps the activation of this actor,
   * and ends with it.
   *
   * @returns takes the monitor back
   * @throws TypeError unless `run` is a function
   */
  monitor(actor: { readonly type: string; readonly key: string }, run: (end: MonitorEnd) => unknown): () => void
  /**
   * Has `onAlarm` called at a time, also after the end of this process. An alarm is set when the method has returned,
   * as changes of storage are. One of the same name is replaced. It fires once at least, and again with growing pauses
   * if `onAlarm` fails. One that is late fires once.
   *
   * @param name 1..256 bytes of UTF-8
   * @param time a Date, milliseconds since 1970, or a cron pattern
   * @throws TypeError or RangeError for wrong arguments, and where `storage.put` throws
   */
  setAlarm(name: string, time: AlarmTime): void
  /** Takes an alarm back; false: there is none of this name. Throws as `storage.put` does. */
  deleteAlarm(name: string): boolean
  /**
   * The methods of another actor, called after the changes of this method are committed, in their order, until each has
   * returned: at least once, and once if the process does not end. They are called with a key of their own, so an actor
   * runs none twice. One that throws is tried again with growing pauses, and those to the same actor wait for it.
   *
   * @throws TypeError or RangeError for wrong arguments; calling a method throws as `storage.put` does, and a
   *   DataCloneError for an argument that cannot be kept
   */
  outbox<A extends Actor>(type: string, key: string): Tell<A>
  /** The alarms that are set, in the order of their names. */
  alarms(): AlarmEntry[]
  /** Ends the activation once the calls that wait now have run. The next call makes a new one. */
  deactivate(): void
}

/** The context of the actor that is being constructed. */
let constructing: ActorContext<never> | undefined

/** Constructs an actor with its context, which its fields may use. */
export function construct(Class: ActorClass, context: ActorContext<never>): Actor {
  const outer = constructing
  constructing = context
  try {
    return new Class()
  } finally {
    constructing = outer
  }
}

/**
 * The base of all actors. Its public methods can be called from other processes; they run one at a time, each to its
 * end. Names that begin with `on` and the members of this class are not callable.
 */
// biome-ignore lint/suspicious/noExplicitAny: an actor that names no state may keep anything.
export abstract class Actor<State = any> {
  /** What the actor knows about itself. */
  protected readonly ctx: ActorContext<State>

  /** @throws TypeError outside a system, which constructs actors when they are called */
  constructor() {
    if (constructing === undefined) {
      throw new TypeError(`new ${new.target.name}() is not a way to make an actor: use system.get(type, key)`)
    }
    this.ctx = constructing as ActorContext<State>
  }

  /** Called before the first call of an activation; calls wait for it. If it throws, they fail. */
  onActivate?(): unknown
  /** Called when an alarm of `ctx.setAlarm` is due, as a turn of the actor. */
  onAlarm?(alarm: Alarm): unknown
  /** Called when an activation ends, after its last call. What it throws goes to the log. */
  onDeactivate?(reason: DeactivateReason): unknown
}

/** A class of actors. Its constructor takes no arguments. */
export interface ActorClass<A extends Actor = Actor> {
  /** Constructs an actor; only a system can. */
  new (): A
  /** Settings of the class; default: those of `ActorSettings`. */
  readonly actor?: ActorSettings
  /** 'sql': each actor has a database of its own, `ctx.sql`. Default: it has `ctx.storage` only. */
  readonly storage?: 'sql'
}
