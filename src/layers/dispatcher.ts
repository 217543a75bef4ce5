import type { BlobPlace } from '../core/blobs.js'
import { Answers } from './answers.js'
import type { ReplyTo, Request } from './callrequest.js'
import { currentTracing } from './calltracing.js'
import { encodeFailure, encodeValue, type Spill, wire } from './callwire.js'
import { runAtDepth } from './nesting.js'
import type { Serving } from './serving.js'
import { itemsOf, StreamedReply } from './streamedreply.js'
import type { Switchboard } from './switchboard.js'

/** What a handler is given beside the value. */
export interface CallContext {
  /** Aborted when the caller gives up, and when the fleet handle is closed. */
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

/** What a process serves under one name. */
export interface Service {
  readonly handlers: Handlers
  /** Its place in the list of names that the process serves. */
  readonly place: number
  readonly beginsLater: boolean
}

/** What a handler gets; it is abandoned when its caller gives up. */
class Context implements CallContext {
  readonly node: number
  readonly #board: Switchboard
  readonly #replyTo: ReplyTo | undefined
  #controller: AbortController | undefined
  #isAborted = false

  constructor(board: Switchboard, { node, replyTo }: Request) {
    this.node = node
    this.#board = board
    this.#replyTo = replyTo
  }

  /** Made when it is asked for, and bound: handlers take it out of their context. */
  get begin(): () => boolean {
    return () => this.start()
  }

  start(): boolean {
    const { boxes } = this.#board
    const replyTo = this.#replyTo
    return !boxes.closed && (replyTo === undefined || boxes.begin(replyTo.slot, replyTo.stamp))
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

const nowhere: readonly BlobPlace[] = []

/** Takes the requests of one fleet handle, and runs handlers. */
export class Dispatcher implements Serving {
  static readonly #known = new WeakMap<Switchboard, Dispatcher>()
  readonly services = new Map<string, Service>()
  concurrency = 64
  readonly #board: Switchboard
  /** The handlers that have returned a promise, by the slot and stamp of their call. */
  readonly #running = new Map<string, Context>()
  readonly #streams = new Set<StreamedReply>()
  readonly #answers: Answers
  readonly #read = (place: BlobPlace): Buffer => this.#board.blobs.read(place)
  /** The call with the answer that is being encoded, and the blobs with what is too large for a slot. */
  #answering: Request | undefined
  #places: readonly BlobPlace[] = nowhere
  readonly #spill: Spill = (bytes) => {
    const places = [...this.#places]
    this.#places = places
    return this.#answers.spill(places, `the answer of ${nameOf(this.#answering as Request)}`)(bytes)
  }
  #count = 0
  /** Requests that were polled. They leave the inbox, from the front, when they are taken. */
  readonly #polled: Request[] = []

  static of(board: Switchboard): Dispatcher {
    const known = Dispatcher.#known.get(board) ?? new Dispatcher(board)
    Dispatcher.#known.set(board, known)
    return known
  }

  private constructor(board: Switchboard) {
    this.#board = board
    this.#answers = new Answers(board)
  }

  get running(): number {
    return this.#count
  }

  take(): boolean {
    if (this.#running.size > 0) this.#abortAbandoned()
    for (const stream of this.#streams) stream.look()
    const count = this.#board.poll(perTurn, this.#polled)
    this.#runPolled()
    return count > 0
  }

  /** Keeps the process alive no longer if it has no service and runs no call. */
  rest(): void {
    if (this.services.size === 0 && this.#running.size === 0) this.#board.rest()
  }

  #runPolled(): void {
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      // Before they run: if this process dies, what has begun is not run again, and the rest is sent again.
      this.#commit()
      for (const request of batch) this.#take(request)
    }
  }

  /** The requests that may run now. A call that waits for a nested one counts, so the nested one does not. */
  #next(): Request[] {
    const batch: Request[] = []
    let free = this.concurrency - this.#count
    for (const polled of this.#polled) {
      const isNested = polled.depth > 0
      if (polled.isTaken || (!isNested && free <= 0)) continue
      polled.isTaken = true
      batch.push(polled)
      if (!isNested) free--
    }
    return batch
  }

  /** Announces a service no longer. */
  withdraw(place: number): void {
    if (!this.#board.closed) this.#board.boxes.announce(this.#board.box, place, new Uint8Array(0))
  }

  close(): void {
    for (const { place } of this.services.values()) this.withdraw(place)
    this.services.clear()
    this.#polled.length = 0
    for (const context of this.#running.values()) context.abort()
    for (const stream of this.#streams) stream.abort()
    this.#running.clear()
  }

  #take(request: Request): void {
    const running = this.#run(request)
    if (running === undefined) return
    const isNested = request.depth > 0
    if (!isNested) this.#count++
    const end = () => {
      if (!isNested) this.#count--
      try {
        this.#runPolled()
      } catch (error) {
        this.#board.fail(error) // the object was removed
      }
      this.rest()
      this.#board.loop.schedule()
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
  #run(request: Request): Promise<void> | undefined {
    try {
      return this.#begin(request)
    } catch (error) {
      return this.#answer(request, true, error)
    }
  }

  #begin(request: Request): Promise<void> | undefined {
    const service = this.services.get(request.service)
    const handler = handlerOf(service, request.method)
    if (service === undefined || handler === undefined) return this.#refuse(request)
    const context = new Context(this.#board, request)
    if (!service.beginsLater && !context.start()) return undefined
    const argument = request.value(this.#read)
    const value = runAtDepth(request.depth, traced(request, handler), argument, context)
    if (!isThenable(value) && !request.wantsStream) return this.#answer(request, false, value)
    return this.#await(request, context, value)
  }

  /** Nothing is run. The caller of a service that this process does not serve sends the request to another one. */
  #refuse({ replyTo, service, method }: Request): undefined {
    if (replyTo === undefined || this.#board.closed) return
    const text = this.services.has(service) ? `${service} has no handler ${method}` : ''
    this.#answers.send(replyTo, 'refused', Buffer.from(text), Buffer.byteLength(text), nowhere)
  }

  async #await(request: Request, context: Context, promise: unknown): Promise<void> {
    const { replyTo, wantsStream } = request
    const key = replyTo && `${replyTo.slot} ${replyTo.stamp}`
    if (key !== undefined && replyTo !== undefined) {
      this.#running.set(key, context)
      this.#board.boxes.watchCall(replyTo.slot, replyTo.stamp, wantsStream)
    }
    try {
      const value = await promise
      if (replyTo !== undefined && wantsStream) await this.#stream(request, replyTo, context, value)
      else this.#answer(request, false, value)
    } catch (error) {
      this.#answer(request, true, error)
    } finally {
      if (key !== undefined) this.#running.delete(key)
    }
  }

  async #stream({ service, method }: Request, replyTo: ReplyTo, context: Context, value: unknown): Promise<void> {
    const items = itemsOf(value)
    if (items === undefined) throw new TypeError(`${service}.${method} returns no items: use call()`)
    const stream = new StreamedReply(this.#answers, replyTo, `${service}.${method}`, context)
    this.#board.watchCaller(replyTo.slot)
    this.#streams.add(stream)
    try {
      await stream.send(items)
    } finally {
      this.#streams.delete(stream)
    }
  }

  #answer(request: Request, isFailure: boolean, value: unknown): undefined {
    const { replyTo } = request
    if (replyTo === undefined || this.#board.closed) return
    this.#answering = request
    this.#places = nowhere
    const spill = this.#spill
    let isFailed = isFailure
    let length: number
    try {
      if (!isFailure) refuseItems(request, value)
      length = isFailure ? encodeFailure(value, spill) : encodeValue(value, spill)
    } catch (error) {
      isFailed = true
      length = encodeFailure(error, spill) // it cannot be cloned, or is too large
    }
    this.#answers.send(replyTo, isFailed ? 'failure' : 'answer', wire, length, this.#places)
  }

  /** The callers of some calls that run have given up. */
  #abortAbandoned(): void {
    const { boxes } = this.#board
    for (let over = boxes.nextOver(); over !== undefined; over = boxes.nextOver()) {
      this.#running.get(`${over.slot} ${over.stamp}`)?.abort()
      for (const stream of this.#streams) if (stream.isAt(over)) stream.abort()
    }
  }
}

function handlerOf(service: Service | undefined, method: string): Handlers[string] | undefined {
  return service !== undefined && Object.hasOwn(service.handlers, method) ? service.handlers[method] : undefined
}

/** A handler that runs in what the tracer of this process makes of a request. */
function traced({ tracing, service, method }: Request, handler: Handlers[string]): Handlers[string] {
  const tracer = currentTracing()
  if (tracer === undefined) return handler
  return (argument, context) => tracer.serve(tracing, service, method, () => handler(argument, context))
}

const nameOf = ({ service, method }: Request): string => `${service}.${method}`

function refuseItems(request: Request, value: unknown): void {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    throw new TypeError(`${nameOf(request)} returns items: use stream()`)
  }
}
