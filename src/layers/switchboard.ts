import { runtime } from '../base/runtime.js'
import type { Wakeable } from '../core/bell.js'
import { Blobs } from '../core/blobs.js'
import type { AnswerKind, Boxes, CallProgress, Message, SentCall } from '../core/boxes.js'
import type { MemberId } from '../core/deathwatch.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { BoardSleeper } from './boardsleeper.js'
import { callsPerBox, openCallBoxes, ownCallBox } from './callboxes.js'
import { CallDeadlines } from './calldeadlines.js'
import { CallPlaces } from './callplaces.js'
import { CallQueue, type SendState } from './callqueue.js'
import { CallWakes } from './callwakes.js'
import type { OpenCall } from './opencall.js'
import type { OpenStream } from './openstream.js'
import type { Serving } from './serving.js'

/** How often a spinning board goes on without a turn of the event loop, which has timers and sockets. */
const spinsPerTurn = 64

/**
 * What a fleet handle needs to call and to serve: one box with reply slots, shared by all clients and servers of the
 * handle. It looks for answers and requests when it is signalled, and signals others once for all that it has sent in
 * one turn.
 */
export class Switchboard {
  static readonly #known = new WeakMap<Fleet, Switchboard>()
  readonly boxes: Boxes
  readonly box: number
  readonly blobs: Blobs
  readonly #fleet: Fleet
  readonly #source: Wakeable
  readonly #places = new CallPlaces(callsPerBox)
  readonly #queue = new CallQueue()
  readonly #wakes = new CallWakes((box) => this.boxes.wake(box))
  readonly #callSleeper = new BoardSleeper(
    true,
    () => this.look(),
    () => this.#close(),
  )
  readonly #serveSleeper = new BoardSleeper(
    false,
    () => this.#open === 0 && this.look(),
    () => this.#close(),
  )
  #serving: Serving | undefined
  #keepsAlive = false
  #open = 0
  #turn = 0
  #isLooking = false
  #isScheduled = false
  #isSoon = false
  /** Promises were settled, and what waits for them has not run yet. */
  #hasSettled = false
  /** How often it has found news without a turn of the event loop. */
  #spins = 0
  spinUs = 0
  readonly deadlines = new CallDeadlines(
    () => this.#all(),
    (call) => {
      this.#giveUp(call)
      this.schedule()
    },
  )

  /** The one of a fleet handle. Throws ERR_ORBIT_CALLS_FULL when there is no box left. */
  static of(fleet: Fleet): Switchboard {
    const known = Switchboard.#known.get(fleet)
    if (known !== undefined) return known
    const made = new Switchboard(fleet)
    Switchboard.#known.set(fleet, made)
    return made
  }

  private constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.blobs = new Blobs(fleet)
    this.boxes = openCallBoxes(fleet)
    this.box = ownCallBox(fleet, this.boxes)
    this.#source = this.#sourceOf(this.boxes)
  }

  #sourceOf(boxes: Boxes): Wakeable {
    const look = () => boxes.fallAsleepFor(this.box, this.#serving !== undefined, this.#serving?.running ?? 0)
    return {
      kind: boxes.kind,
      get closed() {
        return boxes.closed
      },
      hasNews: look,
      fallAsleep: look,
      disarm: () => boxes.disarm(),
    }
  }

  get closed(): boolean {
    return this.boxes.closed
  }

  // ---- calling -----------------------------------------------------------------------------------------------------

  /** Begins a call. */
  begin(call: OpenCall): void {
    const { bell } = this.#fleet
    const { signal, keepAlive } = call.request
    if (keepAlive) bell.ref()
    if (this.#open++ === 0) bell.enter(this.#callSleeper)
    call.isOpen = true
    if (signal !== undefined) {
      call.onAbort = () => this.#giveUp(call)
      bell.signals.add(signal, call)
    }
    this.deadlines.watch(call)
    try {
      this.#sendOrQueue(call)
    } catch (error) {
      this.#remove(call) // the object was removed
      throw error
    }
    call.keepBytes()
  }

  #sendOrQueue(call: OpenCall): void {
    if (!this.#queue.hasLine(call) && this.#send(call) === 'sent') return
    this.#queue.add(call)
  }

  #drain(): void {
    if (this.#queue.size > 0) this.#queue.drain((call) => this.#send(call))
  }

  #send(call: OpenCall): SendState {
    const { boxes } = this
    const { name, depth, repeats } = call.request
    const box = this.#findServer(name)
    if (box < 0 && repeats) return 'no room'
    if (box < 0) {
      this.#remove(call)
      call.noServer()
      return 'sent'
    }
    const place = this.#places.take(depth)
    if (place === undefined) return 'no place'
    const ask = () => boxes.ask(box, boxes.replySlot(this.box, place), call.bytes, depth, call.isStream)
    const sent = ask() ?? (boxes.armForRoom(box) ? ask() : undefined)
    if (sent === undefined) {
      this.#places.vacate(place)
      return 'no room'
    }
    this.#places.give(place, call)
    call.sent = sent
    if (!this.#fleet.bell.deaths.add(sent)) this.#lookSoon()
    this.wake(box)
    return 'sent'
  }

  /** The least busy server; of equal ones the one behind the last that was found. -1: there is none. */
  #findServer(name: Uint8Array): number {
    const box = this.boxes.findServer(name, this.#turn)
    this.#turn = box + 1
    return box
  }

  /** Sends a request that gets no answer; false: there is no server, or no room. */
  tell(name: Uint8Array, bytes: Uint8Array, depth: number): boolean {
    const box = this.#findServer(name)
    if (box < 0 || this.boxes.ask(box, -1, bytes, depth) === undefined) return false
    this.boxes.wake(box)
    return true
  }

  /**
   * The owner of a box is signalled when this turn of the event loop has sent all that it sends, and before that after
   * some of it: then both processes work at the same time.
   */
  wake(box: number): void {
    this.#wakes.add(box)
    this.schedule()
  }

  /** Signals and looks for news at the end of this turn. */
  schedule(): void {
    if (this.#isScheduled || this.#isLooking) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#hasSettled = false
      if (this.#spin()) this.look()
      else this.#sleep()
    })
  }

  #lookSoon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    runtime.setImmediate(() => {
      this.#isSoon = this.#hasSettled = false
      this.#spins = 0
      this.look()
    })
  }

  /** Looks for answers and requests, and falls asleep. */
  look(): void {
    if (this.#isLooking || this.closed) return
    do this.#lookOnce()
    while (this.#spin())
    this.#sleep()
  }

  #lookOnce(): void {
    this.#isLooking = true
    try {
      if (this.#open > 0) this.#collect()
      this.#drain()
      this.#serving?.take()
    } catch (error) {
      this.#end((call) => call.reject(error))
    } finally {
      this.#isLooking = false
    }
  }

  /** Looks for news before it sleeps; true: there is some. What waits for promises that were settled runs first. */
  #spin(): boolean {
    const running = this.#serving?.running ?? 0
    if (this.spinUs === 0 || this.closed || this.#hasSettled || running > 0) return false
    if (this.#open === 0 && this.#serving === undefined) return false
    this.#wakes.flush()
    const hasNews = this.boxes.spinFor(this.box, this.#serving !== undefined, running, this.spinUs)
    return hasNews && ++this.#spins < spinsPerTurn
  }

  #sleep(): void {
    if (this.closed) return
    const isAwake = this.spinUs > 0 && this.#hasSettled
    // Asleep first: what is signalled runs at once, maybe on this core.
    const hasNews = isAwake || this.#fallAsleep()
    this.#wakes.flush()
    if (hasNews) this.#lookSoon()
  }

  #fallAsleep(): boolean {
    if (this.#open === 0 && this.#serving === undefined) return false
    try {
      if (this.#fleet.bell.look(this.#source, 0)) return true
      this.#callSleeper.armed = this.#serveSleeper.armed = this.#source
    } catch (error) {
      this.#end((call) => call.reject(error)) // the object was removed
    }
    return false
  }

  #collect(): void {
    const answers: { call: OpenCall; kind: AnswerKind; payload: Buffer }[] = []
    const lost: OpenCall[] = []
    this.boxes.collect((place, kind, payload) => {
      const call = this.#places.at(place)
      if (call === undefined) return
      if (kind === 'dead') lost.push(call)
      else answers.push({ call, kind, payload })
    })
    for (const { call, kind, payload } of answers) this.#settle(call, kind, payload)
    for (const call of lost.sort((a, b) => a.serial - b.serial)) this.#serverDied(call)
  }

  #settle(call: OpenCall, kind: AnswerKind, payload: Buffer): void {
    if (kind === 'part') {
      if (call.sent !== undefined) call.sent.stamp++
      call.part(payload)
      return
    }
    if (kind === 'refused' && payload.length === 0) {
      this.#places.vacate(call.place) // its server has closed, or was another process
      return void this.#sendOrQueue(call)
    }
    this.#remove(call)
    this.#hasSettled = true
    if (kind === 'refused') call.refused(payload.toString('utf8'))
    else call.answer(kind === 'failure', payload)
  }

  #serverDied(call: OpenCall): void {
    const { sent } = call
    if (sent === undefined) return
    const progress = this.#takeBack(call, sent)
    if (progress === undefined) return
    if (progress === 'not begun' || call.request.repeats) {
      this.#places.vacate(call.place)
      return void this.#sendOrQueue(call)
    }
    this.#remove(call)
    call.serverDied(sent.node, progress)
  }

  /** Gives a call up that was sent; undefined: it was answered before. */
  #takeBack(call: OpenCall, sent: SentCall): CallProgress | undefined {
    for (let isPart = true; isPart; ) {
      const progress = this.boxes.giveUp(sent)
      if (progress !== 'answered') return progress
      const { kind, payload } = this.boxes.takeAnswer(sent)
      this.#settle(call, kind, Buffer.from(payload.buffer, payload.byteOffset, payload.length))
      isPart = kind === 'part'
    }
    return undefined
  }

  /** The signal of a call was aborted, or its time is up. */
  #giveUp(call: OpenCall): void {
    const { sent } = call
    if (this.closed) return
    const progress = sent === undefined ? 'not begun' : this.#takeBack(call, sent)
    if (progress !== undefined) {
      this.#remove(call)
      call.givenUp(progress)
    } else if (call.isOpen) this.#giveUp(call) // it was refused, and sent once more
  }

  /** The consumer of a stream has begun its last part. */
  more(call: OpenStream): void {
    const { sent } = call
    call.owesMore = false
    if (sent === undefined || this.closed) return
    this.boxes.wantMore(sent)
    this.wake(sent.box)
  }

  /** The consumer of a stream wants no more of it. */
  drop(call: OpenStream): void {
    if (call.isOpen) this.#giveUp(call)
  }

  /** A call has ended: the next one gets its place. */
  #remove(call: OpenCall): void {
    call.isOpen = false
    const { bell } = this.#fleet
    const { signal, keepAlive } = call.request
    if (signal !== undefined) bell.signals.remove(signal, call)
    if (call.place < 0) this.#queue.remove(call)
    if (call.request.large !== undefined) this.blobs.remove(call.request.large)
    if (keepAlive) bell.unref()
    if (--this.#open === 0) bell.leave(this.#callSleeper)
    if (call.place < 0) return
    this.#places.vacate(call.place)
    if (!this.#isLooking) this.#drain()
  }

  #all(): OpenCall[] {
    return [...this.#places.all(), ...this.#queue.all()]
  }

  // ---- serving -----------------------------------------------------------------------------------------------------

  /** From now on `serving` takes requests, while it serves nothing as well: it refuses those that come late. */
  serve(serving: Serving, keepsAlive: boolean): void {
    const { bell } = this.#fleet
    if (this.#serving === undefined) bell.enter(this.#serveSleeper)
    if (keepsAlive !== this.#keepsAlive) keepsAlive ? bell.ref() : bell.unref()
    this.#keepsAlive = keepsAlive
    this.#serving = serving
    this.schedule()
  }

  /** The death of the process that waits at a reply slot wakes this one. */
  watchCaller(slot: number): MemberId | undefined {
    const { owner } = this.boxes.look(this.boxes.boxOfSlot(slot))
    if (owner !== undefined && !this.#fleet.bell.deaths.add(owner)) this.#lookSoon()
    return owner
  }

  /** Calls back after the death of a process that is watched. */
  onDeath(callback: () => void): void {
    this.#fleet.bell.deaths.onDeath.add(callback)
  }

  /** Requests that were not read yet. */
  poll(max: number): Message[] {
    const messages: Message[] = []
    this.boxes.poll(this.box, max, messages)
    return messages
  }

  #close(): void {
    this.deadlines.close()
    this.#end((call) => call.reject(closedError(call.request.service)))
  }

  /** Ends all calls, and serves no more. */
  #end(reject: (call: OpenCall) => void): void {
    const calls = this.#all()
    this.#queue.clear()
    for (const call of calls) {
      this.#remove(call)
      reject(call)
    }
    this.#serving?.close()
    if (this.#serving !== undefined && !this.closed) this.serve(this.#serving, false)
    this.#serving = undefined
  }
}
