import type { Actor } from './actor.js'

/** Options of a call: when to give up. */
export interface CallOptions {
  /** The longest time until the call ends, in milliseconds, 1..2^31-1; default that of the system. */
  readonly timeoutMs?: number
  /** Aborting it ends the call: its promise rejects with the signal's reason, and `ctx.signal` of the method aborts. */
  readonly signal?: AbortSignal
  /**
   * Calls of one actor with one key run once: a later one gets the result of the first. A call with a key that was lost
   * with the process of its actor is made again, in another one. 1..512 bytes of UTF-8. It needs a system with a store,
   * which keeps results for a day. A call that throws has changed nothing, and its key may be used again.
   */
  readonly idempotencyKey?: string
}

type Method = (...args: never[]) => unknown
// biome-ignore lint/suspicious/noConfusingVoidType: what a method without a result returns.
type Leaf = null | undefined | void | boolean | number | bigint | string | Date | RegExp | Error | ArrayBufferLike
type Reserved = keyof ReferenceParts | `on${Capitalize<string>}`

/** The parts of T that structured clone refuses, four levels deep; never: there are none. */
type Unsendable<T, Depth extends unknown[] = []> = 0 extends 1 & T
  ? never
  : unknown extends T
    ? never
    : T extends Leaf | ArrayBufferView
      ? never
      : T extends symbol | Method | PromiseLike<unknown>
        ? T
        : Depth['length'] extends 4
          ? never
          : T extends ReadonlyMap<infer Key, infer Value>
            ? Unsendable<Key | Value, [...Depth, 0]>
            : T extends ReadonlySet<infer Item> | readonly (infer Item)[]
              ? Unsendable<Item, [...Depth, 0]>
              : { [K in keyof T]-?: Unsendable<T[K], [...Depth, 0]> }[keyof T]

type Remote<F> = F extends (...args: infer Args) => infer Result
  ? [Unsendable<Args[number]>] extends [never]
    ? [Unsendable<Awaited<Result>>] extends [never]
      ? (...args: Args) => Promise<Awaited<Result>>
      : 'the result of this method cannot be sent'
    : 'an argument of this method cannot be sent'
  : never

interface ReferenceParts {
  /** The name under which the class of the actor is registered. */
  readonly type: string
  /** The key of the actor. */
  readonly key: string
  /** The methods, called without waiting for them. */
  readonly tell: unknown
  /** The methods that are generators. */
  readonly stream: unknown
  with(options: CallOptions): unknown
}

type Told<F> = F extends (...args: infer Args) => unknown
  ? [Unsendable<Args[number]>] extends [never]
    ? (...args: Args) => void
    : 'an argument of this method cannot be sent'
  : never

type Generating = (...args: never[]) => AsyncGenerator<unknown, unknown, never> | Generator<unknown, unknown, never>
/** The names of what can be called with a result. */
type Callable<A, K extends keyof A> = K extends Reserved
  ? never
  : A[K] extends Generating
    ? never
    : A[K] extends Method
      ? K
      : never

/** The public methods of an actor, each to be called without waiting for it. */
export type Tell<A extends Actor> = { readonly [K in keyof A as Callable<A, K>]: Told<A[K]> }

type Streamed<F> = F extends (
  ...args: infer Args
) => AsyncGenerator<infer Item, unknown, never> | Generator<infer Item, unknown, never>
  ? [Unsendable<Args[number]>] extends [never]
    ? [Unsendable<Item>] extends [never]
      ? (...args: Args) => AsyncGenerator<Item, void, undefined>
      : 'an item of this method cannot be sent'
    : 'an argument of this method cannot be sent'
  : never

/** The public methods of an actor that are generators. */
export type Streams<A extends Actor> = {
  readonly [K in keyof A as K extends Reserved ? never : A[K] extends Generating ? K : never]: Streamed<A[K]>
}

/** A reference to an actor: its public methods, each returning a promise. To make one costs no call. */
export type Ref<A extends Actor> = {
  readonly [K in keyof A as Callable<A, K>]: Remote<A[K]>
} & Omit<ReferenceParts, 'with' | 'tell' | 'stream'> & {
    /**
     * The methods of the actor, which return at once: `ref.tell.add('book')`. A call runs once at most, in its order
     * among the other calls of this process to the actor. What the method returns is dropped. What it throws goes to
     * the log of its process, and what prevents the call from running to the log of this one. It takes a place of an
     * open call until it begins, and no actor waits for it, so it is in no cycle.
     */
    readonly tell: Tell<A>
    /**
     * The methods that are generators: `for await (const item of ref.stream.changes())`. The call is made when the loop
     * begins, in its order among the other calls of this process to the actor. From then on the generator runs beside
     * the methods of the actor: at its `await` and `yield` others run. It makes an item when the last one is taken, in
     * another process one part of 2,008 bytes ahead. Leaving the loop ends it, and so does the end of the activation,
     * with ERR_ORBIT_ACTOR_LOST. `timeoutMs` is the longest wait for an item, default none. A stream of another process
     * takes a place of an open call until it ends.
     */
    readonly stream: Streams<A>
    /**
     * Makes a reference to this actor that calls it with these options.
     *
     * @throws TypeError or RangeError for wrong options
     */
    with(options: CallOptions): Ref<A>
  }

/** How a method is called: for its result, for nothing, or for items. */
export type CallKind = 'call' | 'tell' | 'stream'

/** Makes a call of a reference. */
export type Invoke = (method: string, args: readonly unknown[], kind: CallKind) => unknown

/** What a promise, a serializer or a debugger looks up on any object. */
const neverMethods = new Set(['then', 'catch', 'finally', 'toJSON', 'constructor', 'valueOf', 'toString', 'inspect'])

const invokeKey = Symbol('invoke')
const kindKey = Symbol('kind')

/** What references look up in the end: a method of any type is made when it is used first, for all references. */
const methodsToBe = new Proxy(Object.create(null) as object, {
  get(_, name) {
    if (typeof name !== 'string' || neverMethods.has(name)) return undefined
    const value = function (this: Methods | undefined, ...args: unknown[]) {
      if (this?.[invokeKey] === undefined) throw new TypeError(`call ${name} as a method of its reference`)
      return this[invokeKey](name, args, this[kindKey])
    }
    Object.defineProperty(Methods.prototype, name, { value })
    return value
  },
})

/** What has the methods of any type: its prototype has those that were used before, and ends at `methodsToBe`. */
class Methods {
  readonly [invokeKey]: Invoke
  readonly [kindKey]: CallKind

  constructor(invoke: Invoke, kind: CallKind) {
    this[invokeKey] = invoke
    this[kindKey] = kind
  }
}
Object.setPrototypeOf(Methods.prototype, methodsToBe)

/** A reference. */
class Reference extends Methods implements ReferenceParts {
  readonly type: string
  readonly key: string
  readonly with: ReferenceParts['with']

  constructor({ type, key, with: change }: Omit<ReferenceParts, 'tell' | 'stream'>, invoke: Invoke) {
    super(invoke, 'call')
    this.type = type
    this.key = key
    this.with = change
  }

  get tell(): Methods {
    return new Methods(this[invokeKey], 'tell')
  }

  get stream(): Methods {
    return new Methods(this[invokeKey], 'stream')
  }
}

/** Makes methods that return at once. */
export function makeTell(invoke: Invoke): object {
  return new Methods(invoke, 'tell')
}

/** Makes a reference. */
export function makeRef(parts: Omit<ReferenceParts, 'tell' | 'stream'>, invoke: Invoke): object {
  return new Reference(parts, invoke)
}
