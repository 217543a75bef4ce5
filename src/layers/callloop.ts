import { runtime } from '../base/runtime.js'
import type { Bell, Wakeable } from '../core/bell.js'
import type { Boxes } from '../core/boxes.js'
import { Alertness } from './alertness.js'
import { BoardSleeper } from './boardsleeper.js'
import { CallWakes } from './callwakes.js'

/** How often a spinning board goes on without a turn of the event loop, which has timers and sockets. */
const spinsPerTurn = 64

/** What a loop looks for. */
export interface CallNews {
  /** How many calls wait for answers. */
  readonly open: number
  /** Requests are taken. */
  readonly isServing: boolean
  /** How many calls it runs. */
  readonly running: number
  /** Takes what has come; false: nothing had. */
  take(): boolean
  /** The end of a turn of the event loop, or of `take`. */
  turned(): void
  /** The object was removed. */
  fail(error: unknown): void
  /** The fleet handle was closed. */
  close(): void
}

/**
 * When a fleet handle looks for requests and answers, and when it sleeps. It looks when it is signalled, and signals
 * others once for all that it has sent in one turn of the event loop. While news comes in quick succession it does not
 * sleep: it looks once in each turn, and so others need not signal it.
 */
export class CallLoop {
  /** How long it looks in one turn before it sleeps. */
  spinUs = 0
  readonly callSleeper = new BoardSleeper(
    true,
    () => this.look(),
    () => this.#news.close(),
  )
  readonly serveSleeper = new BoardSleeper(
    false,
    () => this.#news.open === 0 && this.look(),
    () => this.#news.close(),
  )
  readonly #bell: Bell
  readonly #boxes: Boxes
  readonly #box: number
  readonly #news: CallNews
  readonly #source: Wakeable
  readonly #wakes: CallWakes
  readonly #alertness = new Alertness()
  #isLooking = false
  #isScheduled = false
  #isSoon = false
  /** Promises were settled, and what waits for them has not run yet. */
  #hasSettled = false
  /** How often it has found news without a turn of the event loop. */
  #spins = 0

  /** @param box the one of this process */
  constructor(bell: Bell, boxes: Boxes, box: number, news: CallNews) {
    this.#bell = bell
    this.#boxes = boxes
    this.#box = box
    this.#news = news
    this.#wakes = new CallWakes(boxes.boxes, (to) => boxes.wake(to))
    const look = () => boxes.fallAsleepFor(box, news.isServing, news.running)
    this.#source = {
      kind: boxes.kind,
      get closed() {
        return boxes.closed
      },
      hasNews: look,
      fallAsleep: look,
      disarm: () => boxes.disarm(),
    }
  }

  get isLooking(): boolean {
    return this.#isLooking
  }

  /** A call has ended, and its caller goes on when this turn ends. */
  settled(): void {
    this.#hasSettled = true
  }

  /**
   * The owner of a box is signalled when this turn of the event loop has sent all that it sends, and before that after
   * some of it: then both processes work at the same time.
   */
  wake(box: number): void {
    this.#wakes.add(box)
    this.schedule()
  }

  /** Signals now: the boxes are closed before this turn ends. */
  flush(): void {
    this.#wakes.flush()
  }

  /** Signals and looks for news at the end of this turn. */
  schedule(): void {
    if (this.#isScheduled || this.#isLooking) return
    this.#isScheduled = true
    queueMicrotask(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isScheduled = false
    this.#hasSettled = false
    this.#news.turned()
    if (this.#spin()) this.look()
    else this.#sleep()
  }

  /** Looks in the next turn of the event loop. */
  lookSoon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    runtime.setImmediate(this.#beginTurn)
  }

  readonly #beginTurn = (): void => {
    this.#isSoon = this.#hasSettled = false
    this.#spins = 0
    if (this.#boxes.closed) return
    if (this.#isWaiting && this.#alertness.look() && !this.#hasNewsWithin(0)) this.#sleep()
    else this.look()
  }

  /** Looks for answers and requests, and falls asleep. */
  look(): void {
    if (this.#isLooking || this.#boxes.closed) return
    do this.#take()
    while (this.#spin())
    this.#sleep()
  }

  #take(): void {
    this.#isLooking = true
    try {
      if (this.#news.take()) this.#alertness.heard()
    } catch (error) {
      this.#news.fail(error)
    } finally {
      this.#isLooking = false
      this.#news.turned()
    }
  }

  get #isWaiting(): boolean {
    return this.#news.open > 0 || this.#news.isServing
  }

  #hasNewsWithin(microseconds: number): boolean {
    const { isServing, running } = this.#news
    try {
      return this.#boxes.spinFor(this.#box, isServing, running, microseconds)
    } catch {
      return true // the object was removed: what takes the news says so
    }
  }

  /** Looks for news before it sleeps; true: there is some. What waits for promises that were settled runs first. */
  #spin(): boolean {
    if (this.spinUs === 0 || this.#boxes.closed || this.#hasSettled || this.#news.running > 0) return false
    if (!this.#isWaiting) return false
    this.#wakes.flush()
    return this.#hasNewsWithin(this.spinUs) && ++this.#spins < spinsPerTurn
  }

  #sleep(): void {
    if (this.#boxes.closed) return
    if (this.#wakes.areDue) this.#alertness.sent()
    const isAwake = this.#isWaiting && (this.#alertness.look() || (this.spinUs > 0 && this.#hasSettled))
    // Asleep first: what is signalled runs at once, maybe on this core.
    const hasNews = isAwake || this.#fallAsleep()
    this.#wakes.flush()
    if (hasNews) this.lookSoon()
  }

  #fallAsleep(): boolean {
    if (!this.#isWaiting) return false
    try {
      if (this.#bell.look(this.#source, 0)) return true
      this.callSleeper.armed = this.serveSleeper.armed = this.#source
    } catch (error) {
      this.#news.fail(error)
    }
    return false
  }
}
