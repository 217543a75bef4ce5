import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../base/check.js'
import type { Fleet } from '../core/fleet.js'
import { writableFleet } from '../core/layer.js'
import { abi } from '../core/native.js'
import { checkFleet } from '../core/observer.js'
import { Dispatcher, type Handlers } from './dispatcher.js'
import { Switchboard } from './switchboard.js'

/** Options of `serve`: how many handlers may run at a time, and what begins a call. */
export interface ServeOptions {
  /**
   * The most calls that this process runs at a time, over all that the fleet handle serves, 1..65536. Default: what the
   * services that it has already were given last, or else 64. Calls that handlers of other processes make run beside
   * them.
   */
  concurrency?: number
  /**
   * 'at-once': a call has begun when its handler is called. 'by-handler': when the handler calls `begin` of its
   * context, so a handler may queue calls of its own. Such calls leave the inbox when their handler is called. Default
   * 'at-once'.
   */
  begin?: 'at-once' | 'by-handler'
  /**
   * How long the process looks for the next call before it sleeps, in microseconds, 0..1000; default 0. It keeps a core
   * busy for that time, and lets no other code of the process run. All clients and services of a fleet handle have the
   * longest one that it was given, until it is closed.
   */
  spinUs?: number
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
    const dispatcher = Dispatcher.of(this.#board)
    const service = dispatcher.services.get(this.#service)
    if (service?.handlers !== this.handlers) return // all services of this fleet handle have ended
    dispatcher.services.delete(this.#service)
    dispatcher.withdraw(service.place)
    dispatcher.rest()
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
  checkOptions('options', options, ['concurrency', 'begin', 'spinUs'])
  if (typeof handlers !== 'object' || handlers === null) throw wrongType('handlers', handlers, 'an object of functions')
  for (const [name, handler] of Object.entries(handlers)) {
    checkName('handlers', name, 128)
    if (typeof handler !== 'function') throw wrongType(`handlers.${name}`, handler, 'a function')
  }
  const { begin = 'at-once', spinUs = 0 } = options
  if (options.concurrency !== undefined) checkInteger('concurrency', options.concurrency, 1, 65536)
  if (begin !== 'at-once' && begin !== 'by-handler') throw outOfRange('begin', begin, "'at-once' or 'by-handler'")
  checkInteger('spinUs', spinUs, 0, 1000)
  const board = Switchboard.of(writableFleet(fleet, service))
  const dispatcher = Dispatcher.of(board)
  if (dispatcher.services.has(service))
    throw wrongType('service', service, 'a name that this process does not serve yet')
  const used = new Set([...dispatcher.services.values()].map(({ place }) => place))
  let place = 0
  while (used.has(place)) place++
  checkInteger('the number of services', place + 1, 1, abi.maxServices)
  dispatcher.concurrency = options.concurrency ?? (used.size > 0 ? dispatcher.concurrency : 64)
  dispatcher.services.set(service, { handlers, place, beginsLater: begin === 'by-handler' })
  board.loop.spinUs = Math.max(board.loop.spinUs, spinUs)
  board.boxes.announce(board.box, place, Buffer.from(service))
  board.serve(dispatcher, true)
  return new Server(board, service, handlers)
}
