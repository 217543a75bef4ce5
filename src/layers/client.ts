import { checkInteger, checkName, checkOptions, checkSignal } from '../base/check.js'
import { OrbitError, rangeError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { CallProgress, SentCall } from '../core/boxes.js'
import { nextTurn } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { writableFleet } from '../core/layer.js'
import { checkFleet } from '../core/observer.js'
import { decodeFailure, decodeValue, encodeRequest } from './callwire.js'
import type { Handlers } from './server.js'
import { maxCallBytes, Switchboard } from './switchboard.js'

/** Options of `call`: when to give up. */
export interface CallOptions {
  /** The longest time to wait for the answer, in milliseconds, 1..2^31-1; default 30,000. */
  timeoutMs?: number
  /** Aborting it gives the call up: the promise rejects with the signal's reason, and the handler's signal aborts. */
  signal?: AbortSignal
}

/** The error of a call that ended without an answer. */
export class CallError extends OrbitError {
  /** How far the call had come. 'not begun': its handler has not run, and never will. */
  readonly progress: CallProgress

  /** @internal */
  constructor(code: 'ERR_ORBIT_SERVER_DIED' | 'ERR_ORBIT_TIMEOUT', message: string, progress: CallProgress) {
    super(code, message)
    this.progress = progress
  }
}

/** The names of the methods of a service. */
type MethodOf<H extends Handlers> = keyof H & string

let turn = 0

/** The callers' side of a service. */
export class Client<H extends Handlers> {
  readonly #board: Switchboard
  readonly #service: string
  readonly #name: Uint8Array
  /** The calls that wait for room in the inbox of a server, in their order. */
  readonly #line: Ending[] = []

  /**
   * @param service the name that another process serves
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_CALLS_FULL, ERR_ORBIT_READ_ONLY for an observer,
   *   what opening a ring throws
   */
  constructor(fleet: Fleet, service: string) {
    checkFleet(fleet)
    checkName('service', service, 128)
    this.#service = service
    this.#name = Buffer.from(service)
    this.#board = Switchboard.of(writableFleet(fleet, service))
  }

  /**
   * Calls a method in one process that serves it, the least busy. If that process dies before the handler began, the
   * call goes to another one. The wait keeps the process alive.
   *
   * @returns what the handler returns
   * @throws what the handler throws, as a RemoteError; OrbitError ERR_ORBIT_NO_SERVER; CallError ERR_ORBIT_SERVER_DIED
   *   or ERR_ORBIT_TIMEOUT, with the progress of the call; the signal's reason; RangeError ERR_ORBIT_PAYLOAD_SIZE;
   *   ERR_ORBIT_CLOSED
   */
  async call<M extends MethodOf<H>>(
    method: M,
    value?: Parameters<H[M]>[0],
    options: CallOptions = {},
  ): Promise<Awaited<ReturnType<H[M]>>> {
    checkOptions('options', options, ['timeoutMs', 'signal'])
    const { timeoutMs = 30_000, signal } = options
    checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
    checkSignal(signal)
    const request = this.#request(method, value)
    signal?.throwIfAborted()
    const ending = new Ending(timeoutMs, signal)
    try {
      const slot = await this.#board.takeSlot((leave) => {
        ending.onEnd = leave
      })
      if (slot < 0) throw ending.error(`${this.#service}.${method}`, 'not begun')
      try {
        return (await this.#attempts(request, slot, method, ending)) as Awaited<ReturnType<H[M]>>
      } finally {
        this.#board.giveSlot(slot)
      }
    } finally {
      ending.clear()
    }
  }

  /**
   * Sends a request that gets no answer. It is run at most once, and lost if its server dies.
   *
   * @returns false: no living process serves it, or its inbox is full
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_CLOSED
   */
  tell<M extends MethodOf<H>>(method: M, value?: Parameters<H[M]>[0]): boolean {
    const request = this.#request(method, value)
    const box = this.#board.boxes.findServer(this.#name, turn++)
    return box >= 0 && this.#board.boxes.ask(box, -1, request) !== undefined
  }

  #request(method: string, value: unknown): Uint8Array {
    checkName('method', method, 128)
    const request = encodeRequest(this.#service, method, value)
    if (request.length <= maxCallBytes) return request
    const text = `the request to ${this.#service}.${method} has ${request.length} bytes, and must have at most ${maxCallBytes}`
    throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', text)
  }

  async #attempts(request: Uint8Array, slot: number, method: string, ending: Ending): Promise<unknown> {
    for (;;) {
      const sent = await this.#send(request, slot, method, ending)
      const state = await this.#settled(sent, ending)
      if (state === 'answered') return this.#answer(sent)
      if (this.#board.closed) throw closedError(this.#service)
      const progress = this.#board.boxes.giveUp(sent)
      if (progress === 'answered') return this.#answer(sent)
      if (state === 'ended') throw ending.error(`${this.#service}.${method}`, progress)
      if (progress === 'not begun') continue
      const text = `${this.#service}.${method}: the server (node=${sent.node}) died, and its handler had ${progress}`
      throw new CallError('ERR_ORBIT_SERVER_DIED', text, progress)
    }
  }

  /** Sends the request to a server. While its inbox is full, this call waits, and later ones wait behind it. */
  async #send(request: Uint8Array, slot: number, method: string, ending: Ending): Promise<SentCall> {
    const sent = this.#line.length === 0 ? this.#ask(request, slot, method) : undefined
    if (sent !== undefined) return sent
    this.#line.push(ending)
    try {
      for (;;) {
        await nextTurn()
        const sent = this.#line[0] === ending ? this.#ask(request, slot, method) : undefined
        if (sent !== undefined) return sent
        if (ending.isOver) throw ending.error(`${this.#service}.${method}`, 'not begun')
      }
    } finally {
      this.#line.splice(this.#line.indexOf(ending), 1)
    }
  }

  /** Undefined: the inbox of the least busy server is full. */
  #ask(request: Uint8Array, slot: number, method: string): SentCall | undefined {
    const box = this.#board.boxes.findServer(this.#name, turn++)
    if (box >= 0) return this.#board.boxes.ask(box, slot, request)
    const text = `${this.#service}.${method}: no living process serves ${this.#service}`
    throw new OrbitError('ERR_ORBIT_NO_SERVER', text)
  }

  #settled(sent: SentCall, ending: Ending): Promise<'answered' | 'dead' | 'ended'> {
    return new Promise((resolve) => {
      const settle = (state: 'answered' | 'dead' | 'ended') => {
        this.#board.forget(sent)
        resolve(state)
      }
      ending.onEnd = () => settle('ended')
      if (ending.isOver) settle('ended')
      else this.#board.watch({ sent, settle })
    })
  }

  #answer(sent: SentCall): unknown {
    const { isFailure, payload } = this.#board.boxes.takeAnswer(sent)
    if (isFailure) throw decodeFailure(payload)
    return decodeValue(payload)
  }
}

/** The time limit and the signal of one call. */
class Ending {
  onEnd: () => void = () => {}
  isOver = false
  readonly #timeoutMs: number
  readonly #signal: AbortSignal | undefined
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = () => this.#end()

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs
    this.#signal = signal
    this.#timer = runtime.setTimeout(() => this.#end(), timeoutMs)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.isOver = signal?.aborted === true
  }

  #end(): void {
    this.isOver = true
    this.onEnd()
  }

  clear(): void {
    runtime.clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }

  error(what: string, progress: CallProgress): unknown {
    if (this.#signal?.aborted) return this.#signal.reason
    const text = `${what}: no answer came within timeoutMs=${this.#timeoutMs}; its handler had ${progress}`
    return new CallError('ERR_ORBIT_TIMEOUT', text, progress)
  }
}
