import { checkFlag, checkInteger, checkName, checkOptions, checkSignal, outOfRange } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { rangeError } from '../base/errors.js'
import type { BlobPlace } from '../core/blobs.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { writableFleet } from '../core/layer.js'
import { checkFleet } from '../core/observer.js'
import { traceCalls } from './calltracing.js'
import { encodeRequest, maxCallBytes, prefixOf } from './callwire.js'
import type { Handlers } from './dispatcher.js'
import { currentDepth, trackNesting } from './nesting.js'
import { type CallRequest, OpenCall } from './opencall.js'
import { OpenStream } from './openstream.js'
import { Switchboard } from './switchboard.js'

/** Options of `call`: when to give up, and what the death of a server means. */
export interface CallOptions {
  /** The longest time to wait for the answer, in milliseconds, 1..2^31-1; default 30,000. */
  timeoutMs?: number
  /** Aborting it gives the call up: the promise rejects with the signal's reason, and the handler's signal aborts. */
  signal?: AbortSignal
  /**
   * 'fail': if the server dies when the handler had begun, the call fails. 'wait': it goes to the next server, and
   * waits until there is one: for handlers that may run twice. Default 'fail'.
   */
  onDeath?: 'fail' | 'wait'
  /** Keeps the process alive until the call ends; default true. */
  keepAlive?: boolean
}

/** Options of `stream`: when to give up. */
export interface StreamOptions {
  /** The longest time to wait for an item, in milliseconds, 1..2^31-1; default no limit: deaths are reported. */
  timeoutMs?: number
  /** Aborting it ends the loop with the signal's reason, and aborts the handler's signal. */
  signal?: AbortSignal
  /** Keeps the process alive until the loop ends; default true. */
  keepAlive?: boolean
}

/** Options of a `Client`: how it waits. */
export interface ClientOptions {
  /**
   * How long the process looks for the answer to a call before it sleeps, in microseconds, 0..1000; default 0. It keeps
   * a core busy for that time, and lets no other code of the process run. All clients and services of a fleet handle
   * have the longest one that it was given, until it is closed.
   */
  spinUs?: number
}

/** What a method yields, by what its handler returns. */
export type ItemOf<R> = R extends string ? never : R extends AsyncIterable<infer T> | Iterable<infer T> ? T : never

/** The names of the methods of a service. */
type MethodOf<H extends Handlers> = keyof H & string

const none: CallOptions = {}

/** The callers' side of a service. */
export class Client<H extends Handlers> {
  /** @internal */
  static readonly traceCalls = traceCalls
  readonly #board: Switchboard
  /** The name that another process serves. */
  readonly service: string
  readonly #name: Uint8Array
  readonly #prefixes = new Map<string, Buffer>()
  /** The method of the request that is encoded, and the blob with its value if that is too large for a slot. */
  #encoded = ''
  #large: BlobPlace | undefined
  readonly #spill = (body: Uint8Array): BlobPlace => {
    this.#large = this.#board.blobs.write(body, `the request to ${this.service}.${this.#encoded}`)
    return this.#large
  }

  /**
   * @param service the name that another process serves
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CALLS_FULL, ERR_ORBIT_READ_ONLY for an observer,
   *   what opening a ring throws
   */
  constructor(fleet: Fleet, service: string, options: ClientOptions = {}) {
    checkFleet(fleet)
    checkName('service', service, 128)
    checkOptions('options', options, ['spinUs'])
    const { spinUs = 0 } = options
    checkInteger('spinUs', spinUs, 0, 1000)
    this.service = service
    this.#name = Buffer.from(service)
    this.#board = Switchboard.of(writableFleet(fleet, service))
    this.#board.loop.spinUs = Math.max(this.#board.loop.spinUs, spinUs)
    trackNesting()
  }

  /**
   * Calls a method in one process that serves it, the least busy. If that process dies before the handler began, the
   * call goes to another one. The wait keeps the process alive unless `keepAlive` is false.
   *
   * @returns what the handler returns
   * @throws what the handler throws, as a RemoteError; OrbitError ERR_ORBIT_NO_SERVER; CallError
   *   ERR_ORBIT_SERVER_DIED, ERR_ORBIT_TIMEOUT, ERR_ORBIT_NO_HANDLER or ERR_ORBIT_CORRUPT, with the progress of the
   *   call; the signal's reason; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_CLOSED
   */
  call<M extends MethodOf<H>>(
    method: M,
    value?: Parameters<H[M]>[0],
    options: CallOptions = none,
  ): Promise<Awaited<ReturnType<H[M]>>> {
    try {
      return this.#begin(method, value, options) as Promise<Awaited<ReturnType<H[M]>>>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #begin(method: string, value: unknown, options: CallOptions): Promise<unknown> {
    if (options !== none) checkOptions('options', options, ['timeoutMs', 'signal', 'onDeath', 'keepAlive'])
    const { timeoutMs = 30_000, signal, onDeath = 'fail', keepAlive = true } = options
    checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    if (onDeath !== 'fail' && onDeath !== 'wait') throw outOfRange('onDeath', onDeath, "'fail' or 'wait'")
    signal?.throwIfAborted()
    const length = this.#encode(method, value)
    const request = this.#request(method, timeoutMs, signal, keepAlive, onDeath === 'wait')
    const call = new OpenCall(request, length, this.#board.blobs)
    this.#board.begin(call)
    return call.promise
  }

  /** Writes a request into the wire, and returns its length. */
  #encode(method: string, value: unknown): number {
    this.#encoded = method
    return encodeRequest(this.#prefix(method), value, this.#spill)
  }

  /** The request that was encoded last. */
  #request(
    method: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    keepAlive: boolean,
    repeats: boolean,
  ): CallRequest {
    const [service, name, large] = [this.service, this.#name, this.#large]
    this.#large = undefined
    return { service, name, method, large, depth: currentDepth(), timeoutMs, signal, keepAlive, repeats }
  }

  /**
   * Calls a method that returns items, and yields them as they come: a handler that is an async generator, or returns
   * anything else that can be iterated. The handler is at most one part of 2,008 bytes ahead of the loop. Leaving the
   * loop aborts the handler's signal and ends its generator. The request is sent when the loop begins; from then on the
   * stream keeps the process alive, unless `keepAlive` is false.
   *
   * @throws TypeError or RangeError for wrong arguments. The loop throws what the generator throws, as a RemoteError;
   *   OrbitError ERR_ORBIT_NO_SERVER; CallError ERR_ORBIT_SERVER_DIED, ERR_ORBIT_TIMEOUT or ERR_ORBIT_CORRUPT; the
   *   signal's reason; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_CLOSED
   */
  stream<M extends MethodOf<H>>(
    method: M,
    value?: Parameters<H[M]>[0],
    options: StreamOptions = none,
  ): AsyncGenerator<ItemOf<Awaited<ReturnType<H[M]>>>, void, undefined> {
    if (options !== none) checkOptions('options', options, ['timeoutMs', 'signal', 'keepAlive'])
    const { timeoutMs = Number.POSITIVE_INFINITY, signal, keepAlive = true } = options
    if (options.timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    this.#prefix(method)
    const begin = () => {
      signal?.throwIfAborted()
      const length = this.#encode(method, value)
      return new OpenStream(this.#request(method, timeoutMs, signal, keepAlive, false), length, this.#board.blobs)
    }
    return this.#items(begin, timeoutMs) as AsyncGenerator<ItemOf<Awaited<ReturnType<H[M]>>>, void, undefined>
  }

  async *#items(begin: () => OpenStream, timeoutMs: number): AsyncGenerator<unknown, void, undefined> {
    const call = begin()
    const board = this.#board
    board.begin(call)
    try {
      for (;;) {
        while (call.hasItem) {
          if (call.wantsMore) board.more(call)
          yield call.take()
        }
        if (call.isOver) return void (await call.promise)
        call.deadlineMs = monotonicMs() + timeoutMs
        board.deadlines.watch(call)
        await call.wait()
      }
    } finally {
      board.drop(call)
      call.discard()
    }
  }

  /**
   * Sends a request that gets no answer, of at most 2,008 bytes. It is run at most once, and lost if its server dies or
   * closes before that.
   *
   * @returns false: no living process serves it, or its inbox is full
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_CLOSED
   */
  tell<M extends MethodOf<H>>(method: M, value?: Parameters<H[M]>[0]): boolean {
    const length = encodeRequest(this.#prefix(method), value, (body) => {
      const what = `the request to ${this.service}.${method}, which gets no answer,`
      throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `${what} has ${body.length} bytes, over ${maxCallBytes}`)
    })
    return this.#board.tell(this.#name, length, currentDepth())
  }

  #prefix(method: string): Buffer {
    if (this.#board.closed) throw closedError(this.service)
    let prefix = this.#prefixes.get(method)
    if (prefix === undefined) {
      checkName('method', method, 128)
      prefix = prefixOf(this.service, method)
      this.#prefixes.set(method, prefix)
    }
    return prefix
  }
}
