import { OrbitError } from '../base/errors.js'
import { Boxes, type Message, type SentCall } from '../core/boxes.js'
import type { Fleet } from '../core/fleet.js'
import { Layer } from '../core/layer.js'
import { abi } from '../core/native.js'
import { Sleeper } from '../core/sleeper.js'
import { reservedType } from '../core/type.js'

/** How many processes of a fleet can call and serve, how many calls each has open, and how long a message can be. */
const [processes, perBox, payloadBytes] = [64, 32, 2024]

/** The most bytes that a request or an answer may have. */
export const maxCallBytes = payloadBytes - abi.requestHeaderBytes

/** A call that waits for its answer. */
export interface OpenCall {
  readonly sent: SentCall
  /** Called once: the answer is there, or the server has died. */
  readonly settle: (state: 'answered' | 'dead') => void
}

/**
 * What a fleet handle needs to call and to serve: one box with reply slots, shared by all clients and servers of the
 * handle.
 */
export class Switchboard {
  static readonly #known = new WeakMap<Fleet, Switchboard>()
  readonly boxes: Boxes
  readonly box: number
  readonly #fleet: Fleet
  readonly #free: number[] = []
  readonly #waitingForSlot: ((slot: number) => void)[] = []
  readonly #open = new Map<number, OpenCall>()
  readonly #answers: Sleeper
  readonly #requests: Sleeper
  readonly #waitingForRoom: (() => void)[] = []
  #isAwaiting = false
  /** What a server waits for beside requests. */
  hasOtherNews: () => boolean = () => false

  /** The one of a fleet handle. Throws ERR_ORBIT_CALLS_FULL when there is no box left. */
  static of(fleet: Fleet): Switchboard {
    const known = Switchboard.#known.get(fleet)
    if (known !== undefined) return known
    const made = new Switchboard(fleet)
    Switchboard.#known.set(fleet, made)
    return made
  }

  private constructor(fleet: Fleet) {
    const type = reservedType({
      name: 'orbit.calls',
      kind: abi.callKind,
      capacity: processes * perBox * 2,
      payloadBytes,
    })
    const dealing = { boxes: processes, replies: perBox }
    const layer = new Layer<Boxes>(fleet, type, () => fleet.open(type, Boxes, dealing))
    this.#fleet = fleet
    this.boxes = layer.writable()
    this.box = this.#ownBox()
    for (let place = 0; place < perBox; place++) this.#free.push(this.boxes.replySlot(this.box, place))
    const messages = this.boxes.messagesOf(this.box)
    const requests = {
      ...messages,
      hasNews: () => messages.hasNews(0) || this.hasOtherNews(),
      fallAsleep: () => messages.fallAsleep(0) || this.hasOtherNews(),
    }
    const answers = { ...requests, hasNews: () => this.#hasNews(), fallAsleep: () => this.#fallAsleep() }
    this.#answers = new Sleeper(fleet.bell, () => (this.boxes.closed ? messages : answers), true)
    this.#requests = new Sleeper(fleet.bell, () => (this.boxes.closed ? messages : requests))
  }

  #ownBox(): number {
    for (let box = 0; box < this.boxes.boxes; box++) if (this.boxes.own(box)) return box
    const text = `${processes} processes of fleet ${this.#fleet.name} call or serve, which is the limit`
    throw new OrbitError('ERR_ORBIT_CALLS_FULL', text)
  }

  get closed(): boolean {
    return this.boxes.closed
  }

  /**
   * A reply slot, as soon as one is free. Those that wait have the order in which they came. `onWait` is given a
   * function that ends the wait; the result is -1 then.
   */
  takeSlot(onWait: (leave: () => void) => void): number | Promise<number> {
    const line = this.#waitingForSlot
    return (
      this.#free.pop() ??
      new Promise<number>((resolve) => {
        line.push(resolve)
        onWait(() => {
          if (line.includes(resolve)) {
            line.splice(line.indexOf(resolve), 1)
            resolve(-1)
          }
        })
      })
    )
  }

  giveSlot(slot: number): void {
    const next = this.#waitingForSlot.shift()
    if (next === undefined) this.#free.push(slot)
    else next(slot)
  }

  /** Watches a call until it is settled or forgotten. */
  watch(call: OpenCall): void {
    this.#open.set(call.sent.slot, call)
    if (!this.#fleet.bell.deaths.add(call.sent)) this.#answers.look()
    if (!this.#isAwaiting) void this.#awaitAnswers()
  }

  forget({ slot }: SentCall): void {
    this.#open.delete(slot)
    if (this.#open.size === 0) this.#answers.end(false)
  }

  async #awaitAnswers(): Promise<void> {
    this.#isAwaiting = true
    while (this.#open.size > 0 && !this.closed) {
      this.#settle()
      if (this.#open.size > 0) await this.#answers.wait(0, {})
    }
    this.#isAwaiting = false
    if (this.closed) for (const { settle } of [...this.#open.values()]) settle('dead')
  }

  #settle(): void {
    for (const { sent, settle } of [...this.#open.values()]) {
      const state = this.boxes.stateOf(sent)
      if (state !== 'open') settle(state)
    }
  }

  #hasNews(): boolean {
    for (const { sent } of this.#open.values()) if (this.boxes.stateOf(sent) !== 'open') return true
    return false
  }

  #fallAsleep(): boolean {
    if (this.#hasNews()) return true
    this.boxes.arm()
    return this.#hasNews()
  }

  /** Waits until the server is woken, and if it `canTake` more, for requests. */
  async waitForRequests(canTake: boolean): Promise<void> {
    if (canTake) await this.#requests.wait(0, {})
    else await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve))
  }

  wakeServer(): void {
    this.#requests.end(false)
    for (const resolve of this.#waitingForRoom.splice(0)) resolve()
  }

  /** Requests that were not read yet. */
  poll(max: number): Message[] {
    const messages: Message[] = []
    this.boxes.poll(this.box, max, messages)
    return messages
  }
}
