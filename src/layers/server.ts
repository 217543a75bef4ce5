import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../base/check.js'
import type { Fleet } from '../core/fleet.js'
import { writableFleet } from '../core/layer.js'
import { abi } from '../core/native.js'
import { checkFleet } from '../core/observer.js'
import { decodeRequest, depthOf, encodeFailure, encodeValue, type Request } from './callwire.js'
import { runAtDepth } from './nesting.js'
import { maxCallBytes, type Serving, Switchboard } from './switchboard.js'

/** What a handler is given beside the value. */
export interface CallContext {
  /** Aborted when the caller gives up, and when the server closes. */
  readonly signal: AbortSignal
  /** The node of the caller, 0..65535. */
  readonly node: number
  /**
   * Begins the call, if its service has `begin: 'by-handler'`. Until then its caller may take it back, and learns after
   * a death of this process that it had not begun. Call it once. Returns false: it was taken back, or had been begun.
   */
  begin(): boolean
}

/** The methods of a service by name. A handler takes one value, and returns one or a promise of it. */
// biome-ignore lint/suspicious/noExplicitAny: the value of a handler is in a parameter, so only any fits every handler.
export type Handlers = Record<string, (value: any, context: CallContext) => unknown>

/** Options of `serve`: how many handlers may run at a time, and what begins a call. */
export interface ServeOptions {
  /**
   * The most calls that this process runs at a time, over all that it serves, 1..65536; default 64. Calls that handlers
   * of other processes make run beside them.
   */
  concurrency?: number
  /**
   * 'at-once': a call has begun when its handler is called. 'by-handler': when the handler calls `begin` of its
   * context, so a handler may queue calls of its own. Such calls leave the inbox when their handler is called. Default
   * 'at-once'.
   */
  begin?: 'at-once' | 'by-handler'
}

interface Service {
  readonly handlers: Handlers
  readonly place: number
  readonly beginsLater: boolean
}

/** What a handler gets; it is abandoned when its caller gives up. */
class Context implements CallContext {
  readonly node: number
  readonly begin: () => boolean
  #controller: AbortController | undefined
  #isAborted = false

  constructor(node: number, begin: () => boolean) {
    this.node = node
    this.begin = begin
  }

  /** Made when it is asked for: most handlers do not ask. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isAborted) this.#controller.abort()
    return this.#controller.signal
  }

  abort(): void {
    this.#isAborted = true
    this.#controller?.abort()
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'

/** The most requests that are taken in one turn of the event loop. */
const perTurn = 256

/** A request that was polled. */
interface Polled {
  readonly position: number
  readonly payload: Uint8Array
  readonly node: number
  isTaken: boolean
}

/** Takes the requests of one fleet handle, and runs handlers. */
class Dispatcher implements Serving {
  static readonly #known = new WeakMap<Switchboard, Dispatcher>()
  readonly services = new Map<string, Service>()
  concurrency = 64
  readonly #board: Switchboard
  /** The handlers that have returned a promise, by the slot and stamp of their call. */
  readonly #running = new Map<string, Context>()
  #count = 0
  /** Requests that were polled. They leave the inbox, from the front, when they are taken. */
  readonly #polled: Polled[] = []

  static of(board: Switchboard): Dispatcher {
    const known = Dispatcher.#known.get(board) ?? new Dispatcher(board)
    Dispatcher.#known.set(board, known)
    return known
  }

  private constructor(board: Switchboard) {
    this.#board = board
  }

  get wants(): boolean {
    return this.services.size > 0
  }

  get running(): number {
    return this.#count
  }

  take(): void {
    if (this.#count > 0) this.#abortAbandoned()
    if (!this.wants) return
    for (const message of this.#board.poll(perTurn)) this.#polled.push({ ...message, isTaken: false })
    this.#runPolled()
  }

  #runPolled(): void {
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      // Before they run: if this process dies, what has begun is not run again, and the rest is sent again.
      this.#commit()
      for (const { payload, node } of batch) this.#take(payload, node)
    }
  }

  /** The requests that may run now. A call that waits for a nested one counts, so the nested one does not. */
  #next(): Polled[] {
    const batch: Polled[] = []
    let free = this.concurrency - this.#count
    for (const polled of this.#polled) {
      const isNested = depthOf(polled.payload) > 0
      if (polled.isTaken || (!isNested && free <= 0)) continue
      polled.isTaken = true
      batch.push(polled)
      if (!isNested) free--
    }
    return batch
  }

  close(): void {
    for (const context of this.#running.values()) context.abort()
    this.#running.clear()
  }

  #take(payload: Uint8Array, node: number): void {
    const request = decodeRequest(payload)
    const beginsLater = request !== undefined && this.services.get(request.service)?.beginsLater === true
    const running = request === undefined ? undefined : this.#run(request, node, beginsLater)
    if (running === undefined) return
    const isNested = (request?.depth ?? 0) > 0
    if (!isNested) this.#count++
    const end = () => {
      if (!isNested) this.#count--
      this.#runPolled()
      this.#board.schedule()
    }
    running.then(end, end)
  }

  /** Commits what was taken, up to the oldest request that waits. */
  #commit(): void {
    let taken = 0
    while (this.#polled[taken]?.isTaken) taken++
    if (taken === 0) return
    const upTo = (this.#polled[taken - 1]?.position as number) + 1
    this.#polled.splice(0, taken)
    if (!this.#board.closed) this.#board.boxes.commit(this.#board.box, upTo)
  }

  /** Runs a handler. Undefined: its call has been answered, or was over. */
  #run(request: Request, node: number, beginsLater: boolean): Promise<void> | undefined {
    const { replyTo } = request
    const { boxes } = this.#board
    const begin = () => !this.#board.closed && (replyTo === undefined || boxes.begin(replyTo.slot, replyTo.stamp))
    if (!beginsLater && !begin()) return undefined
    const context = new Context(node, begin)
    try {
      const value = runAtDepth(request.depth, () => this.#handler(request)(request.value, context))
      if (!isThenable(value)) return this.#answer(request, false, value)
      return this.#await(request, context, value)
    } catch (error) {
      return this.#answer(request, true, error)
    }
  }

  #handler({ service, method }: Request): Handlers[string] {
    const { handlers } = this.services.get(service) ?? {}
    if (handlers !== undefined && Object.hasOwn(handlers, method)) return handlers[method] as Handlers[string]
    throw new TypeError(`${service} has no handler ${method}`)
  }

  async #await(request: Request, context: Context, promise: PromiseLike<unknown>): Promise<void> {
    const { replyTo } = request
    const key = replyTo && `${replyTo.slot} ${replyTo.stamp}`
    if (key !== undefined && replyTo !== undefined) {
      this.#running.set(key, context)
      this.#board.boxes.watchCall(replyTo.slot, replyTo.stamp)
    }
    try {
      this.#answer(request, false, await promise)
    } catch (error) {
      this.#answer(request, true, error)
    } finally {
      if (key !== undefined) this.#running.delete(key)
    }
  }

  #answer({ replyTo, service, method }: Request, isFailure: boolean, value: unknown): undefined {
    const board = this.#board
    if (replyTo === undefined || board.closed) return
    let isFailed = isFailure
    let payload: Uint8Array
    try {
      payload = isFailed ? encodeFailure(value) : encodeValue(value)
      if (payload.length > maxCallBytes) {
        const size = `${payload.length} bytes, over ${maxCallBytes}`
        const what = isFailed ? 'the error is too large' : `the answer of ${service}.${method} has ${size}`
        isFailed = true
        payload = encodeFailure(new RangeError(what))
      }
    } catch (error) {
      isFailed = true
      payload = encodeFailure(error) // it cannot be cloned
    }
    const { slot, stamp } = replyTo
    if (board.boxes.answer(slot, stamp, isFailed, payload)) board.wake(board.boxes.boxOfSlot(slot))
  }

  /** The callers of some calls that run have given up. */
  #abortAbandoned(): void {
    const { boxes } = this.#board
    for (let over = boxes.nextOver(); over !== undefined; over = boxes.nextOver()) {
      this.#running.get(`${over.slot} ${over.stamp}`)?.abort()
    }
  }
}

/** A service of this process. Made by `serve`. */
export class Server<H extends Handlers> implements Disposable {
  /** The handlers; their type is what a `Client` takes. */
  readonly handlers: H
  readonly #service: string
  readonly #board: Switchboard
  #isClosed = false

  /** @internal */
  constructor(board: Switchboard, service: string, handlers: H) {
    this.#board = board
    this.#service = service
    this.handlers = handlers
  }

  /** Takes no further calls. Those that run are answered. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { services } = Dispatcher.of(this.#board)
    const place = services.get(this.#service)?.place as number
    services.delete(this.#service)
    if (this.#board.closed) return
    this.#board.boxes.announce(this.#board.box, place, new Uint8Array(0))
    if (services.size === 0) this.#board.serve(undefined)
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * Answers the calls of other processes to a service. Several processes may serve one name: each call goes to one of
 * them, the least busy. While it serves, the process stays alive.
 *
 * @param service the name, 1..128 bytes of UTF-8; a process serves at most 8 names
 * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CALLS_FULL, ERR_ORBIT_READ_ONLY for an observer, what
 *   opening a ring throws
 */
export function serve<H extends Handlers>(
  fleet: Fleet,
  service: string,
  handlers: H,
  options: ServeOptions = {},
): Server<H> {
  checkFleet(fleet)
  checkName('service', service, 128)
  checkOptions('options', options, ['concurrency', 'begin'])
  if (typeof handlers !== 'object' || handlers === null) throw wrongType('handlers', handlers, 'an object of functions')
  for (const [name, handler] of Object.entries(handlers)) {
    checkName('handlers', name, 128)
    if (typeof handler !== 'function') throw wrongType(`handlers.${name}`, handler, 'a function')
  }
  const { concurrency = 64, begin = 'at-once' } = options
  checkInteger('concurrency', concurrency, 1, 65536)
  if (begin !== 'at-once' && begin !== 'by-handler') throw outOfRange('begin', begin, "'at-once' or 'by-handler'")
  const board = Switchboard.of(writableFleet(fleet, service))
  const dispatcher = Dispatcher.of(board)
  if (dispatcher.services.has(service))
    throw wrongType('service', service, 'a name that this process does not serve yet')
  const used = new Set([...dispatcher.services.values()].map(({ place }) => place))
  let place = 0
  while (used.has(place)) place++
  checkInteger('the number of services', place + 1, 1, abi.maxServices)
  dispatcher.services.set(service, { handlers, place, beginsLater: begin === 'by-handler' })
  dispatcher.concurrency = concurrency
  board.boxes.announce(board.box, place, Buffer.from(service))
  board.serve(dispatcher)
  return new Server(board, service, handlers)
}
