import { OrbitError } from '../base/errors.js'
import type { BlobPlace, Blobs } from '../core/blobs.js'
import type { AnswerKind, CallProgress, SentCall } from '../core/boxes.js'
import { scratch } from '../core/scratch.js'
import { decodeFailure, decodeValue, fewBytesOf, isReadWhole, wire } from './callwire.js'

type CallErrorCode = 'ERR_ORBIT_SERVER_DIED' | 'ERR_ORBIT_TIMEOUT' | 'ERR_ORBIT_NO_HANDLER' | 'ERR_ORBIT_CORRUPT'

/** The error of a call that ended without an answer. */
export class CallError extends OrbitError {
  /** How far the call had come. 'not begun': its handler has not run, and never will. */
  readonly progress: CallProgress

  /** @internal */
  constructor(code: CallErrorCode, message: string, progress: CallProgress) {
    super(code, message)
    this.progress = progress
  }
}

/** What a call asks for, checked. */
export interface CallRequest {
  readonly service: string
  readonly name: Uint8Array
  readonly method: string
  /** The blob with its value, if that is too large for a slot. */
  readonly large: BlobPlace | undefined
  /** How many calls wait for it, each made by the handler of the one before. */
  readonly depth: number
  /** Of a stream: the longest time to wait for an item. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly keepAlive: boolean
  /** After the death of its server it goes to the next one, even if it had begun, and waits for one. */
  readonly repeats: boolean
}

/** Of the promise that was made last: no call needs a function of its own for them. */
const settlers = { resolve: (_value: unknown): void => {}, reject: (_error: unknown): void => {} }
function keepSettlers(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  settlers.resolve = resolve
  settlers.reject = reject
}

/** One call of this process, from its beginning to its end. */
export class OpenCall {
  static #serials = 0
  readonly request: CallRequest
  /** Calls that begin later have larger ones. */
  readonly serial = OpenCall.#serials++
  /** Its request: first in the wire, and while it is not sent in a copy. */
  bytes: Uint8Array = wire
  readonly length: number
  /** Which reply slot of the box it has; -1: it is not sent. */
  place = -1
  sent: SentCall | undefined
  /** From its beginning to its end. */
  isOpen = false
  readonly isStream: boolean = false
  /** When it is given up, by the monotonic clock. */
  deadlineMs = Number.POSITIVE_INFINITY
  /** Called when its signal is aborted. */
  onAbort: (() => void) | undefined = undefined
  /** What its answer is. */
  kind: AnswerKind = 'answer'
  /** A private copy of its answer; undefined: `value` is what it says. */
  payload: Buffer | undefined = undefined
  value: unknown = undefined
  protected readonly blobs: Blobs
  readonly promise: Promise<unknown>
  protected readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void

  /** @param length of its request, which is in the wire */
  constructor(request: CallRequest, length: number, blobs: Blobs) {
    this.request = request
    this.length = length
    this.blobs = blobs
    this.promise = new Promise(keepSettlers)
    this.resolve = settlers.resolve
    this.reject = settlers.reject
  }

  /** Its signal was aborted. */
  fail(): void {
    this.onAbort?.()
  }

  /** Keeps its request, which is sent later. */
  keepRequest(): void {
    if (this.bytes === wire) this.bytes = Buffer.from(wire.subarray(0, this.length)) // Buffer.slice would be a view
  }

  /** Its answer has come, in the scratch, and is copied: `answer` or `part` follows. */
  arrive(kind: AnswerKind, at: number, end: number): void {
    const bytes = scratch.buffer
    this.kind = kind
    this.payload = undefined
    if (kind === 'answer' && !this.isStream && at < end && isReadWhole(bytes[at])) {
      try {
        this.value = decodeValue(bytes, at, end, this.blobs.load)
        return
      } catch {
        // The bytes are foreign: `answer` says so.
      }
    }
    this.value = kind === 'answer' && !this.isStream ? fewBytesOf(scratch.bytes, at, end) : undefined
    if (this.value !== undefined) return
    this.payload = Buffer.allocUnsafe(end - at)
    bytes.copy(this.payload, 0, at, end)
  }

  /** A part of a stream has come; the addon accepts none for other calls. */
  part(): void {}

  answer(): void {
    const { payload } = this
    try {
      if (payload === undefined) this.resolve(this.value)
      else if (this.kind === 'failure') this.reject(decodeFailure(payload, this.blobs.load))
      else this.resolve(decodeValue(payload, 0, payload.length, this.blobs.load))
    } catch (error) {
      this.reject(this.unreadable('cannot be read', error))
    }
  }

  /** Foreign bytes are in the place of its answer. */
  damaged(): void {
    this.reject(this.unreadable('is damaged'))
  }

  /** The error of an answer that has foreign bytes, or was encoded by another version of Node. */
  protected unreadable(what: string, cause?: unknown): unknown {
    if (cause instanceof OrbitError) return cause
    const { service, method } = this.request
    const text = `${service}.${method}: its answer ${what}, and its handler may have run`
    return Object.assign(new CallError('ERR_ORBIT_CORRUPT', text, 'begun'), cause === undefined ? {} : { cause })
  }

  /** Its server has no such handler. */
  refused(): void {
    const text = this.payload?.toString('utf8') ?? ''
    this.reject(new CallError('ERR_ORBIT_NO_HANDLER', text, 'not begun'))
  }

  noServer(): void {
    const { service, method } = this.request
    const text = `${service}.${method}: no living process serves ${service}`
    this.reject(new OrbitError('ERR_ORBIT_NO_SERVER', text))
  }

  serverDied(node: number, progress: CallProgress): void {
    const { service, method } = this.request
    const text = `${service}.${method}: the server (node=${node}) died, and its handler had ${progress}`
    this.reject(new CallError('ERR_ORBIT_SERVER_DIED', text, progress))
  }

  /** Its signal was aborted, or its time is up. */
  givenUp(progress: CallProgress): void {
    const { service, method, timeoutMs, signal } = this.request
    if (signal?.aborted) {
      this.abort()
      return
    }
    const what = this.isStream ? 'item' : 'answer'
    const text = `${service}.${method}: no ${what} came within timeoutMs=${timeoutMs}; its handler had ${progress}`
    this.reject(new CallError('ERR_ORBIT_TIMEOUT', text, progress))
  }

  abort(): void {
    this.reject(this.request.signal?.reason)
  }
}
