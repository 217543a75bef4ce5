import { monotonicMs } from '../base/clock.js'
import { OrbitError } from '../base/errors.js'
import type { BlobPlace, Blobs } from '../core/blobs.js'
import type { CallProgress, SentCall } from '../core/boxes.js'
import { decodeFailure, decodeValue, type Load } from './callwire.js'

type CallErrorCode = 'ERR_ORBIT_SERVER_DIED' | 'ERR_ORBIT_TIMEOUT' | 'ERR_ORBIT_NO_HANDLER'

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
  readonly bytes: Uint8Array
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

/** One call of this process, from its beginning to its end. */
export class OpenCall {
  static #serials = 0
  readonly request: CallRequest
  /** Calls that begin later have larger ones. */
  readonly serial = OpenCall.#serials++
  /** From `keepBytes` on a copy. */
  bytes: Uint8Array
  /** Which reply slot of the box it has; -1: it is not sent. */
  place = -1
  sent: SentCall | undefined
  /** From its beginning to its end. */
  isOpen = false
  readonly isStream: boolean = false
  /** When it is given up, by the monotonic clock. */
  deadlineMs: number
  /** Called when its signal is aborted. */
  onAbort: () => void = () => {}
  /** Reads what an answer has left elsewhere. */
  protected readonly load: Load
  readonly promise: Promise<unknown>
  protected resolve!: (value: unknown) => void
  reject!: (error: unknown) => void

  constructor(request: CallRequest, blobs: Blobs) {
    this.request = request
    this.load = (place) => blobs.take(place)
    this.bytes = request.bytes
    this.deadlineMs = monotonicMs() + request.timeoutMs
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Its signal was aborted. */
  fail(): void {
    this.onAbort()
  }

  /** Keeps the bytes, to send them later, or once more after a death. */
  keepBytes(): void {
    if (this.bytes === this.request.bytes) this.bytes = Buffer.from(this.bytes) // Buffer.slice would be a view
  }

  /**
   * A part of a stream has come; the addon accepts none for other calls.
   *
   * @param payload a private copy
   */
  part(_payload: Buffer): void {}

  /** @param payload a private copy */
  answer(isFailure: boolean, payload: Buffer): void {
    try {
      if (isFailure) this.reject(decodeFailure(payload, this.load))
      else this.resolve(decodeValue(payload, this.load))
    } catch (error) {
      this.reject(error) // of another version of Node, or foreign bytes
    }
  }

  /** Its server has no such handler. */
  refused(text: string): void {
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
