import { TextEncoder } from 'node:util'
import { checkInteger, checkOptions, shown } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { typeError } from '../base/errors.js'
import { runtime } from '../base/runtime.js'
import type { Fleet } from '../core/fleet.js'
import { writableFleet } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { Heartbeat } from '../core/node.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'

/** How often a heart beats, and what it tells. */
export interface HeartbeatOptions {
  /** From one beat to the next, 1..2^31-1 ms; default 1000. */
  intervalMs?: number
  /**
   * Asked at each beat, on the timer's turn: what to tell the others, cut to 64 bytes of UTF-8 and at a NUL. When it throws,
   * the beat is made all the same, with an empty status; the error then comes out of start() or beat(), and as an uncaught
   * exception out of the timer, as from any timer.
   */
  status?: () => string
}

/** The last beat of one node. */
export interface NodeHeartbeat extends Heartbeat {
  /** 0..size-1. */
  readonly node: number
  /** In the member's own pid namespace. */
  readonly pid: number
  /** As in `nodes()`. */
  readonly label: string
}

/** Every node of the fleet in one of four lists, each by node. */
export interface HeartbeatSnapshot {
  /** Alive, and its last beat is at most maxAgeMs old. */
  readonly fresh: NodeHeartbeat[]
  /** Alive, the kernel says, but its last beat is older: stopped, blocked, or not beating any more. */
  readonly stale: NodeHeartbeat[]
  /** Gone without close(), the kernel says, and nobody has taken the node since: its last beat. */
  readonly dead: NodeHeartbeat[]
  /** The nodes without a beat: nobody is there, or one who has never made any. */
  readonly missing: number[]
}

const encoder = new TextEncoder()

/**
 * The hearts of a fleet: who beats, and who has stopped. A member's beats come from a timer of its own event loop, so
 * that a loop that is blocked shows. A signal for people and balancers; nothing in a fleet depends on it.
 */
export class FleetHeartbeat implements Disposable {
  readonly #fleet: Fleet | FleetObserver
  readonly #bytes = new Uint8Array(abi.statusBytes)
  #status: (() => string) | undefined
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0

  /** @throws TypeError ERR_ORBIT_INVALID_ARGUMENT */
  constructor(fleet: Fleet | FleetObserver) {
    checkFleet(fleet)
    this.#fleet = fleet
  }

  /**
   * Beats at once, and from now on with every interval, until stop() or the fleet's close(); started already, with the
   * new options instead. Its timer keeps no process alive.
   *
   * @throws TypeError, RangeError; ERR_ORBIT_READ_ONLY for an observer, ERR_ORBIT_CLOSED; what `status` throws; then it
   *   is stopped
   */
  start(options: HeartbeatOptions = {}): void {
    checkOptions('options', options, ['intervalMs', 'status'])
    const { intervalMs = 1000, status } = options
    checkInteger('intervalMs', intervalMs, 1, 2 ** 31 - 1)
    if (status !== undefined && typeof status !== 'function') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `status=${shown(status)} is not a function`)
    }
    this.stop()
    this.#status = status
    // The timer first: `status` may stop it, or start another.
    const timer = runtime.setInterval(() => this.#tick(intervalMs), intervalMs).unref()
    this.#timer = timer
    this.#dueMs = monotonicMs() + intervalMs
    try {
      this.beat()
    } catch (error) {
      if (this.#timer === timer) this.stop()
      throw error
    }
  }

  /** No beat from the timer any more; the last one remains, and grows stale. Idempotent. */
  stop(): void {
    runtime.clearInterval(this.#timer)
    this.#timer = undefined
  }

  /**
   * Makes one beat, with the status of the last start(), and a loop delay of 0: no timer was late for it.
   *
   * @throws ERR_ORBIT_READ_ONLY for an observer, ERR_ORBIT_CLOSED; what `status` throws
   */
  beat(): void {
    this.#fleet.checkOpen()
    this.#beat(0)
  }

  /**
   * Who beats, by what the record of each node says during the call.
   *
   * @param options.maxAgeMs how old a fresh beat may be, 0..2^53-1 ms; default 3000, three intervals by default
   * @throws ERR_ORBIT_CLOSED
   */
  snapshot(options: { maxAgeMs?: number } = {}): HeartbeatSnapshot {
    checkOptions('options', options, ['maxAgeMs'])
    const { maxAgeMs = 3000 } = options
    checkInteger('maxAgeMs', maxAgeMs, 0, Number.MAX_SAFE_INTEGER)
    const fresh: NodeHeartbeat[] = []
    const stale: NodeHeartbeat[] = []
    const dead: NodeHeartbeat[] = []
    const missing = new Set(Array.from({ length: this.#fleet.size }, (_, node) => node))
    for (const { node, pid, label, alive, heartbeat } of this.#fleet.nodes()) {
      if (heartbeat === undefined) continue
      missing.delete(node)
      const list = !alive ? dead : heartbeat.ageMs <= maxAgeMs ? fresh : stale
      list.push({ node, pid, label, ...heartbeat })
    }
    return { fresh, stale, dead, missing: [...missing] }
  }

  /** `stop()`, for `using`. */
  [Symbol.dispose](): void {
    this.stop()
  }

  #tick(intervalMs: number): void {
    if (this.#fleet.closed) {
      this.stop()
      return
    }
    try {
      this.#beat(Math.max(0, monotonicMs() - this.#dueMs))
    } finally {
      this.#dueMs = monotonicMs() + intervalMs // as Node counts it: from the end of the callback
    }
  }

  #beat(loopDelayMs: number): void {
    let text = ''
    try {
      text = this.#text()
    } finally {
      // It may have closed the fleet.
      if (!this.#fleet.closed) {
        this.#bytes.fill(0)
        encoder.encodeInto(text, this.#bytes)
        writableFleet(this.#fleet, `fleet ${this.#fleet.name}`).writeBeat(loopDelayMs, this.#bytes)
      }
    }
  }

  #text(): string {
    const text = this.#status?.() ?? ''
    if (typeof text !== 'string') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `status()=${shown(text)} is not a string`)
    }
    return text
  }
}
