import { isUint8Array } from 'node:util/types'
import { checkBytes, lengthOf } from '../base/bytes.js'
import { checkFlag, checkInteger, checkOptions } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { OrbitError, rangeError } from '../base/errors.js'
import type { Boxes } from '../core/boxes.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { Sleeper, type SleepOptions } from '../core/sleeper.js'
import { checkWaiting, type InboxWaitOptions, type InstanceOptions } from './inbox.js'
import { type InboxOwner, type InboxType, type OpenInbox, openInbox, ownerOf } from './inboxtype.js'

/** Options of `trySend`: what a message carries, and whether it may be sent without an owner. */
export interface TrySendOptions {
  /** The opcode of the message, 0..255; default 0. */
  frameKind?: number
  /** A number of the sender's choice, 0..2^53-1; default 0. */
  version?: number
  /** Refuses to send while no living process owns the inbox. Default false: the message waits for an owner. */
  needsOwner?: boolean
}

/** Options of `send`: those of `trySend`, and how long to wait for room. */
export interface SendOptions extends TrySendOptions, InboxWaitOptions {}

/** What became of a message: accepted at a position, or refused. */
export type SendResult =
  | {
      /** The message is in the inbox. */
      readonly accepted: true
      /** The number of the message in its inbox, from 0 on. */
      readonly position: number
    }
  | {
      /** The message was not sent. */
      readonly accepted: false
      /** 'full': there is no room until the owner commits; 'no-owner': no living process owns the inbox. */
      readonly reason: 'full' | 'no-owner'
    }

const sendKeys = ['frameKind', 'version', 'needsOwner']
/** Of sends without options, which need no checks of them. */
const none: TrySendOptions = {}
const defaults = { frameKind: 0, version: 0 }

/** The side of an inbox that sends. Any number of processes send to an inbox; their messages have one order. */
export class Outbox {
  readonly #open: OpenInbox
  readonly #sleeper: Sleeper

  /**
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_READ_ONLY for an observer when it sends, what
   *   opening a ring throws
   */
  constructor(fleet: Fleet, type: InboxType, options: InstanceOptions = {}) {
    checkOptions('options', options, ['instance'])
    this.#open = openInbox(fleet, type, options.instance)
    const { layer, instance } = this.#open
    this.#sleeper = new Sleeper(fleet.bell, () => layer.open()?.roomOf(instance))
  }

  /** How many messages are accepted and not committed, 0..capacity. */
  get depth(): number {
    const { head, committed } = this.#boxes().look(this.#open.instance)
    return head - committed
  }

  /** The process that owns the inbox, or owned it last and died; undefined: none. */
  get owner(): InboxOwner | undefined {
    return ownerOf(this.#boxes().look(this.#open.instance))
  }

  /**
   * Sends one message, or says at once why it was refused. An accepted message stays until an owner commits it, and
   * wakes the owner.
   *
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  trySend(payload: Uint8Array, options: TrySendOptions = none): SendResult {
    if (options !== none) checkOptions('options', options, sendKeys)
    return this.#trySend(payload, options)
  }

  /**
   * Sends one message, and waits while the inbox is full, or while it has no owner and `needsOwner` is set. Messages
   * that wait have no order.
   *
   * @returns the position at which the message was accepted
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_TIMEOUT, the
   *   signal's reason; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  async send(payload: Uint8Array, options: SendOptions = {}): Promise<number> {
    checkOptions('options', options, [...sendKeys, 'signal', 'timeoutMs', 'keepAlive'])
    checkWaiting(options)
    const { signal, timeoutMs, keepAlive } = options
    const deadline = timeoutMs === undefined ? undefined : monotonicMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = this.#trySend(payload, options)
      if (result.accepted) return result.position
      const leftMs = deadline === undefined ? undefined : Math.ceil(deadline - monotonicMs())
      if (leftMs !== undefined && leftMs <= 0) throw this.#timeoutError(result.reason, timeoutMs as number)
      await this.#untilNext(result.reason, { signal, timeoutMs: leftMs, keepAlive })
    }
  }

  /**
   * Sends records that lie back to back, one message each, for as long as there is room. One call for many messages
   * costs a fraction of a call for each.
   *
   * @param recordBytes the length of each record, 1..payloadBytes; records.length is a multiple of it
   * @returns how many were sent: those at the front
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an observer
   */
  sendPacked(records: Uint8Array, recordBytes: number, options: Omit<TrySendOptions, 'needsOwner'> = {}): number {
    checkOptions('options', options, ['frameKind', 'version'])
    checkBytes('records', records)
    checkInteger('recordBytes', recordBytes, 1, this.#open.type.payloadBytes)
    if (lengthOf(records) % recordBytes !== 0) {
      throw rangeError(
        'ERR_ORBIT_OUT_OF_RANGE',
        `records.length=${lengthOf(records)} must be a multiple of ${recordBytes}`,
      )
    }
    const { frameKind, version } = checkSend(options)
    return this.#boxes().sendPacked(this.#open.instance, records, recordBytes, frameKind, version)
  }

  #trySend(payload: Uint8Array, options: TrySendOptions): SendResult {
    if (!isUint8Array(payload) || lengthOf(payload) === 0) checkBytes('payload', payload)
    const { frameKind, version } = options === none ? defaults : checkSend(options)
    const { instance, type } = this.#open
    if (lengthOf(payload) > type.payloadBytes) {
      const limit = `must have at most payloadBytes=${type.payloadBytes}`
      throw rangeError(
        'ERR_ORBIT_PAYLOAD_SIZE',
        `${this.#open.layer.what}: payload of ${lengthOf(payload)} bytes ${limit}`,
      )
    }
    const boxes = this.#boxes()
    if (options.needsOwner && !boxes.look(instance).owner?.isAlive) return { accepted: false, reason: 'no-owner' }
    const position = boxes.send(instance, payload, frameKind, version)
    return position < 0 ? { accepted: false, reason: 'full' } : { accepted: true, position }
  }

  /** Sleeps until there may be room, or an owner: an owner that comes wakes all that wait. */
  async #untilNext(reason: 'full' | 'no-owner', options: SleepOptions): Promise<void> {
    const { layer, instance } = this.#open
    if (reason === 'full') {
      await this.#sleeper.wait(0, options)
    } else {
      const target = layer.writable().ownerOf(instance)
      await new Sleeper(layer.fleet.bell, () => target).wait(0, options)
    }
    if (layer.open()?.closed !== false) throw closedError(layer.what)
  }

  #boxes(): Boxes {
    return this.#open.layer.writable()
  }

  #timeoutError(reason: 'full' | 'no-owner', timeoutMs: number): OrbitError {
    const what = reason === 'full' ? 'have room' : 'have an owner'
    const text = `${this.#open.layer.what}: the inbox must ${what} within timeoutMs=${timeoutMs}: wait longer, or try again`
    return new OrbitError('ERR_ORBIT_TIMEOUT', text)
  }
}

function checkSend({ frameKind = 0, version = 0, needsOwner }: TrySendOptions): { frameKind: number; version: number } {
  checkInteger('frameKind', frameKind, 0, 255)
  checkInteger('version', version, 0, Number.MAX_SAFE_INTEGER)
  checkFlag('needsOwner', needsOwner)
  return { frameKind, version }
}
