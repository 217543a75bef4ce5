import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../base/check.js'
import { nextTurn } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { writableFleet } from '../core/layer.js'
import { abi } from '../core/native.js'
import { checkFleet } from '../core/observer.js'
import { decodeRequest, encodeFailure, encodeValue, type Request } from './callwire.js'
import { maxCallBytes, Switchboard } from './switchboard.js'

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
  /** The most calls that this process runs at a time, over all that it serves, 1..65536; default 64. */
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

interface Running {
  readonly replyTo: Request['replyTo']
  readonly controller: AbortController
}

/** The loop of one fleet handle that takes requests and runs handlers. */
class Dispatcher {
  static readonly #known = new WeakMap<Switchboard, Dispatcher>()
  readonly services = new Map<string, Service>()
  concurrency = 64
  readonly #board: Switchboard
  readonly #running = new Set<Running>()
  /** Positions that were polled, with whether their calls are done; committed from the front. */
  readonly #polled: { readonly position: number; isDone: boolean }[] = []
  #isRunning = false

  static of(board: Switchboard): Dispatcher {
    const known = Dispatcher.#known.get(board) ?? new Dispatcher(board)
    Dispatcher.#known.set(board, known)
    return known
  }

  private constructor(board: Switchboard) {
    this.#board = board
    board.hasOtherNews = () => this.#abandoned().length > 0
  }

  wake(): void {
    if (!this.#isRunning) void this.#run()
    this.#board.wakeServer()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const board = this.#board
    while (this.services.size > 0 && !board.closed) {
      this.#abortAbandoned()
      const room = this.concurrency - this.#running.size
      const messages = room > 0 ? board.poll(room) : []
      for (const { position, payload, node } of messages) this.#take(position, payload, node)
      if (this.#polled[0]?.isDone) this.#commit()
      if (messages.length > 0) await nextTurn()
      else await board.waitForRequests(room > 0)
    }
    this.#isRunning = false
  }

  #take(position: number, payload: Uint8Array, node: number): void {
    const request = decodeRequest(payload)
    const beginsLater = request !== undefined && this.services.get(request.service)?.beginsLater === true
    const entry = { position, isDone: beginsLater }
    this.#polled.push(entry)
    void this.#handle(request, node, beginsLater).then(() => {
      if (entry.isDone) return
      entry.isDone = true
      this.#commit()
    })
  }

  /** Commits what is done, up to the oldest call that still runs. */
  #commit(): void {
    let upTo = -1
    while (this.#polled[0]?.isDone) upTo = (this.#polled.shift()?.position as number) + 1
    if (this.#board.closed) return
    if (upTo >= 0) this.#board.boxes.commit(this.#board.box, upTo)
    this.#board.wakeServer()
  }

  async #handle(request: Request | undefined, node: number, beginsLater: boolean): Promise<void> {
    if (request === undefined) return
    const { replyTo } = request
    const { boxes } = this.#board
    const begin = () => !this.#board.closed && (replyTo === undefined || boxes.begin(replyTo.slot, replyTo.stamp))
    if (!beginsLater && !begin()) return
    const running = { replyTo, controller: new AbortController() }
    this.#running.add(running)
    const [isFailure, payload] = await this.#result(request, { signal: running.controller.signal, node, begin })
    this.#running.delete(running)
    if (replyTo !== undefined && !this.#board.closed) boxes.answer(replyTo.slot, replyTo.stamp, isFailure, payload)
  }

  async #result({ service, method, value }: Request, context: CallContext): Promise<[boolean, Uint8Array]> {
    try {
      const { handlers } = this.services.get(service) ?? {}
      if (handlers === undefined || !Object.hasOwn(handlers, method)) {
        throw new TypeError(`${service} has no handler ${method}`)
      }
      const payload = encodeValue(await (handlers[method] as Handlers[string])(value, context))
      if (payload.length <= maxCallBytes) return [false, payload]
      throw new RangeError(`the answer of ${service}.${method} has ${payload.length} bytes, over ${maxCallBytes}`)
    } catch (error) {
      const payload = encodeFailure(error)
      return [true, payload.length <= maxCallBytes ? payload : encodeFailure(new Error('the error is too large'))]
    }
  }

  #abortAbandoned(): void {
    for (const { controller } of this.#abandoned()) controller.abort()
  }

  /** Calls that run although their callers have given up. */
  #abandoned(): Running[] {
    const { boxes } = this.#board
    const isOver = ({ replyTo, controller }: Running) =>
      replyTo !== undefined && !controller.signal.aborted && !boxes.isAwaited(replyTo.slot, replyTo.stamp)
    return [...this.#running].filter(isOver)
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
    if (!this.#board.closed) this.#board.boxes.announce(this.#board.box, place, new Uint8Array(0))
    this.#board.wakeServer()
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
  dispatcher.wake()
  return new Server(board, service, handlers)
}
