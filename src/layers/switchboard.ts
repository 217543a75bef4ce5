import { Blobs } from '../core/blobs.js'
import type { Boxes, CallProgress, SentCall } from '../core/boxes.js'
import type { MemberId } from '../core/deathwatch.js'
import type { Fleet } from '../core/fleet.js'
import { closedError } from '../core/handle.js'
import { callsPerBox, openCallBoxes, ownCallBox } from './callboxes.js'
import { CallDeadlines } from './calldeadlines.js'
import { CallLoop, type CallNews } from './callloop.js'
import { CallPlaces } from './callplaces.js'
import { CallQueue, type SendState } from './callqueue.js'
import { Request } from './callrequest.js'
import { wire } from './callwire.js'
import type { OpenCall } from './opencall.js'
import type { OpenStream } from './openstream.js'
import type { Serving } from './serving.js'

/**
 * What a fleet handle needs to call and to serve: one box with reply slots, shared by all clients and servers of the
 * handle.
 */
export class Switchboard {
  static readonly #known = new WeakMap<Fleet, Switchboard>()
  readonly boxes: Boxes
  readonly box: number
  readonly blobs: Blobs
  readonly #fleet: Fleet
  readonly #places = new CallPlaces(callsPerBox)
  readonly #queue = new CallQueue()
  readonly loop: CallLoop
  #serving: Serving | undefined
  #keepsAlive = false
  #open = 0
  #turn = 0
  /** The name that one process serves alone, as was found since a call or a turn has ended, and its box. */
  #onlyName: Uint8Array | undefined
  #onlyBox = 0
  readonly deadlines = new CallDeadlines(
    () => this.#all(),
    (call) => {
      this.#giveUp(call)
      this.loop.schedule()
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
    this.loop = new CallLoop(fleet.bell, this.boxes, this.box, this.#news())
  }

  #news(): CallNews {
    const board = this
    return {
      get open() {
        return board.#open
      },
      get isServing() {
        return board.#serving !== undefined
      },
      get running() {
        return board.#serving?.running ?? 0
      },
      take: () => this.#take(),
      turned: () => {
        this.#onlyName = undefined
        this.deadlines.turned()
      },
      fail: (error) => this.fail(error),
      close: () => this.#close(),
    }
  }

  #take(): boolean {
    const hasAnswers = this.#open > 0 && this.#collect()
    this.#drain()
    const hasRequests = this.#serving?.take() ?? false
    return hasAnswers || hasRequests
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
    if (this.#open++ === 0) bell.enter(this.loop.callSleeper)
    call.isOpen = true
    if (signal !== undefined) {
      call.onAbort = () => this.#giveUp(call)
      bell.signals.add(signal, call)
    }
    this.deadlines.begin(call)
    this.loop.schedule()
    if (signal?.aborted)
      this.#giveUp(call) // while the value was encoded
    else this.#sendOrQueue(call)
  }

  #sendOrQueue(call: OpenCall): void {
    if (!this.#queue.hasLine(call) && this.#send(call) === 'sent') return
    call.keepRequest()
    this.#queue.add(call)
  }

  #drain(): void {
    if (this.#queue.size > 0) this.#queue.drain((call) => this.#send(call))
  }

  /** Sends a call if it can be sent. What fails ends this call only: the box of its server may have foreign bytes. */
  #send(call: OpenCall): SendState {
    try {
      return this.#trySend(call)
    } catch (error) {
      if (call.place >= 0) this.#places.vacate(call.place)
      this.#remove(call)
      call.reject(error)
      return 'sent'
    }
  }

  #trySend(call: OpenCall): SendState {
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
    this.#places.give(place, call)
    const sent = this.#ask(call, box)
    if (sent === 'damaged') {
      this.#places.retire(call)
      return this.#trySend(call)
    }
    if (sent === 'full') {
      this.#places.vacate(place)
      return 'no room'
    }
    call.sent = sent
    if (!this.#fleet.bell.deaths.add(sent)) this.loop.lookSoon()
    this.loop.wake(box)
    return 'sent'
  }

  #ask(call: OpenCall, box: number): SentCall | 'full' | 'damaged' {
    const { boxes } = this
    const { bytes, length, place, isStream, request } = call
    const slot = boxes.replySlot(this.box, place)
    const sent = boxes.ask(box, slot, bytes, length, request.depth, isStream)
    if (sent !== 'full' || !boxes.armForRoom(box)) return sent
    return boxes.ask(box, slot, bytes, length, request.depth, isStream)
  }

  /** The least busy server; of equal ones the one behind the last that was found. -1: there is none. */
  #findServer(name: Uint8Array): number {
    if (name === this.#onlyName) return this.#onlyBox
    const box = this.boxes.findServer(name, this.#turn)
    this.#turn = box + 1
    if (box < 0 || !this.boxes.isOnlyServer()) return box
    this.#onlyName = name
    this.#onlyBox = box
    this.loop.schedule()
    return box
  }

  /** Sends the request in the wire, which gets no answer; false: there is no server, or no room. */
  tell(name: Uint8Array, length: number, depth: number): boolean {
    this.#onlyName = undefined // no end would say later that the server was gone
    const box = this.#findServer(name)
    if (box < 0 || this.boxes.ask(box, -1, wire, length, depth, false) === 'full') return false
    this.boxes.wake(box)
    return true
  }

  #collect(): boolean {
    const answered: OpenCall[] = []
    const lost: OpenCall[] = []
    this.boxes.collect((place, kind, at, end) => {
      const call = this.#places.at(place)
      if (call === undefined) return
      if (kind === 'dead') return void lost.push(call)
      call.arrive(kind, at, end)
      answered.push(call)
    })
    for (const call of answered) this.#settle(call)
    for (const call of lost.sort((a, b) => a.serial - b.serial)) this.#serverDied(call)
    return answered.length + lost.length > 0
  }

  /** An answer has arrived. */
  #settle(call: OpenCall): void {
    const { kind } = call
    if (kind === 'part' && call.isStream && call.payload?.length !== 0) {
      if (call.sent !== undefined) call.sent.stamp++
      call.part()
      return
    }
    if (kind === 'refused' && call.payload?.length === 0) return void this.#sendAgain(call) // not served
    this.#remove(call)
    this.loop.settled()
    if (kind === 'refused') call.refused()
    else if (kind === 'answer' || kind === 'failure') call.answer()
    else call.damaged()
  }

  /** Its server has not begun it, or it may run twice. */
  #sendAgain(call: OpenCall): void {
    if (call.sent !== undefined) call.bytes = this.boxes.keptRequest(call.sent.slot)
    this.#places.vacate(call.place)
    this.#sendOrQueue(call)
  }

  #serverDied(call: OpenCall): void {
    const { sent } = call
    if (sent === undefined) return
    const progress = this.#takeBack(call, sent)
    if (progress === undefined) return
    if (progress === 'not begun' || call.request.repeats) return void this.#sendAgain(call)
    this.#remove(call)
    call.serverDied(sent.node, progress)
  }

  /** Gives a call up that was sent; undefined: it was answered before. */
  #takeBack(call: OpenCall, sent: SentCall): CallProgress | undefined {
    for (let isPart = true; isPart; ) {
      const progress = this.boxes.giveUp(sent)
      if (progress !== 'answered') return progress
      const { kind, at, end } = this.boxes.takeAnswer(sent)
      call.arrive(kind, at, end)
      this.#settle(call)
      isPart = kind === 'part' && call.isOpen
    }
    return undefined
  }

  /** The signal of a call was aborted, or its time is up. The end of the call before may have ended this one. */
  #giveUp(call: OpenCall): void {
    const { sent } = call
    if (this.closed || !call.isOpen) return
    const progress = sent === undefined ? 'not begun' : this.#takeBack(call, sent)
    if (progress !== undefined) {
      this.#remove(call)
      call.givenUp(progress)
    } else this.#giveUp(call) // it was answered, or refused and sent once more
  }

  /** The consumer of a stream has begun its last part. */
  more(call: OpenStream): void {
    const { sent } = call
    call.owesMore = false
    if (sent === undefined || this.closed) return
    this.boxes.wantMore(sent)
    this.loop.wake(sent.box)
  }

  /** The consumer of a stream wants no more of it. */
  drop(call: OpenStream): void {
    this.#giveUp(call)
  }

  /** A call has ended: the next one gets its place. */
  #remove(call: OpenCall): void {
    call.isOpen = false
    this.#onlyName = undefined
    const { bell } = this.#fleet
    const { signal, keepAlive } = call.request
    if (signal !== undefined) bell.signals.remove(signal, call)
    if (call.place < 0) this.#queue.remove(call)
    if (call.request.large !== undefined) this.blobs.remove(call.request.large)
    if (keepAlive) bell.unref()
    if (--this.#open === 0) bell.leave(this.loop.callSleeper)
    if (call.place < 0) return
    this.#places.vacate(call.place)
    if (!this.loop.isLooking) this.#drain()
  }

  #all(): OpenCall[] {
    return [...this.#places.all(), ...this.#queue.all()]
  }

  // ---- serving -----------------------------------------------------------------------------------------------------

  /** From now on `serving` takes requests, while it serves nothing as well: it refuses those that come late. */
  serve(serving: Serving, keepsAlive: boolean): void {
    const { bell } = this.#fleet
    if (this.#serving === undefined) bell.enter(this.loop.serveSleeper)
    if (keepsAlive !== this.#keepsAlive) keepsAlive ? bell.ref() : bell.unref()
    this.#keepsAlive = keepsAlive
    this.#serving = serving
    this.loop.schedule()
  }

  /** Serving keeps the process alive no longer. */
  rest(): void {
    if (this.#serving !== undefined && !this.closed) this.serve(this.#serving, false)
  }

  /** The death of the process that waits at a reply slot wakes this one. */
  watchCaller(slot: number): MemberId | undefined {
    const { owner } = this.boxes.look(this.boxes.boxOfSlot(slot))
    if (owner !== undefined && !this.#fleet.bell.deaths.add(owner)) this.loop.lookSoon()
    return owner
  }

  /** Calls back after the death of a process that is watched. */
  onDeath(callback: () => void): void {
    this.#fleet.bell.deaths.onDeath.add(callback)
  }

  /** Adds up to `max` requests that were not read yet, and returns how many there were. */
  poll(max: number, requests: Request[]): number {
    const before = requests.length
    this.boxes.pollEach(this.box, max, (polled, record, end) => requests.push(new Request(polled, record, end)))
    return requests.length - before
  }

  #close(): void {
    this.deadlines.close()
    this.loop.flush()
    this.#end((call) => call.reject(closedError(call.request.service)))
  }

  /** Ends all calls with the error, and serves no more. */
  fail(error: unknown): void {
    this.#end((call) => call.reject(error))
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
    this.rest()
    this.#serving = undefined
  }
}
