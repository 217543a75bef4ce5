import { TextEncoder } from 'node:util'
import { checkInteger, checkOptions, wrongType } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { runtime } from '../base/runtime.js'
import type { Fleet } from '../core/fleet.js'
import { writableFleet } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { Heartbeat } from '../core/node.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'

/** Options of `start`: how often the heart beats, and what each heartbeat says. */
export interface HeartbeatOptions {
  /** The time from one heartbeat to the next, in milliseconds, 1..2^31-1; default 1000. */
  intervalMs?: number
  /**
   * Called for each heartbeat: a text for the other processes, cut to 64 bytes of UTF-8 and at a NUL; default ''. If it
   * throws, the heartbeat is made with an empty status; `start()` and `beat()` throw the error, and the timer throws it
   * as an uncaught exception.
   */
  status?: () => string
}

/** The last heartbeat of one node. */
export interface NodeHeartbeat extends Heartbeat {
  /** The number of the node, 0..size-1. */
  readonly node: number
  /** The process of the member, in its own pid namespace. For people. */
  readonly pid: number
  /** The label that the member gave when it joined, at most 32 bytes of UTF-8. */
  readonly label: string
}

/** Every node of a fleet in one of four lists, each in ascending order of the nodes. */
export interface HeartbeatSnapshot {
  /** Alive, with a heartbeat that is at most `maxAgeMs` old. */
  readonly fresh: NodeHeartbeat[]
  /**
   * Alive according to the kernel, with an older heartbeat: the process is stopped or blocked, or its heart was
   * stopped.
   */
  readonly stale: NodeHeartbeat[]
  /** Dead according to the kernel, without `close()`, and not replaced yet: the last heartbeat it made. */
  readonly dead: NodeHeartbeat[]
  /** Nodes without a heartbeat: they are free, or their member has never made one. */
  readonly missing: number[]
}

const encoder = new TextEncoder()

/**
 * The heartbeats of a fleet: makes those of this member, and tells which members make theirs. They come from a timer of
 * the event loop, so a blocked event loop shows. They are for people and load balancers; nothing in a fleet depends on
 * them.
 */
export class FleetHeartbeat implements Disposable {
  readonly #fleet: Fleet | FleetObserver
  readonly #bytes = new Uint8Array(abi.statusBytes)
  #status: (() => string) | undefined
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0

  /** @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for a value that is not a fleet */
  constructor(fleet: Fleet | FleetObserver) {
    checkFleet(fleet)
    this.#fleet = fleet
  }

  /**
   * Makes a heartbeat now and one per interval, until `stop()` or the close of the fleet. If it is started already, the
   * new options replace the old ones. The timer does not keep the process alive.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_READ_ONLY for an observer, ERR_ORBIT_CLOSED; what
   *   `status` throws. After an error it is stopped.
   */
  start(options: HeartbeatOptions = {}): void {
    checkOptions('options', options, ['intervalMs', 'status'])
    const { intervalMs = 1000, status } = options
    checkInteger('intervalMs', intervalMs, 1, 2 ** 31 - 1)
    if (status !== undefined && typeof status !== 'function') {
      throw wrongType('status', status, 'a function')
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

  /** Stops the timer. The last heartbeat remains and grows stale. Idempotent. */
  stop(): void {
    runtime.clearInterval(this.#timer)
    this.#timer = undefined
  }

  /**
   * Makes one heartbeat with the `status` of the last `start()`. Its loop delay is 0, because no timer was late.
   *
   * @throws ERR_ORBIT_READ_ONLY for an observer, ERR_ORBIT_CLOSED; what `status` throws
   */
  beat(): void {
    this.#fleet.checkOpen()
    this.#beat(0)
  }

  /**
   * Sorts the nodes by their last heartbeats. Each record was current at some instant during the call.
   *
   * @param options.maxAgeMs the age up to which a heartbeat is fresh, in milliseconds, 0..2^53-1; default 3000
   * @returns four lists, each possibly empty
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED
   */
  snapshot(options: { maxAgeMs?: number } = {}): HeartbeatSnapshot {
    checkOptions('options', options, ['maxAgeMs'])
    const { maxAgeMs = 3000 } = options
    checkInteger('maxAgeMs', maxAgeMs, 0, Number.MAX_SAFE_INTEGER)
    const fresh: NodeHeartbeat[] = []
    const stale: NodeHeartbeat[] = []
    const dead: NodeHeartbeat[] = []
    const { size } = this.#fleet
    const heard = new Set<number>()
    for (const { node, pid, label, alive, heartbeat } of this.#fleet.nodes()) {
      if (heartbeat === undefined) continue
      heard.add(node)
      const list = !alive ? dead : heartbeat.ageMs <= maxAgeMs ? fresh : stale
      list.push({ node, pid, label, ...heartbeat })
    }
    return {
      ...{ fresh, stale, dead },
      // Worked out when it is read: a fleet may have room for many more nodes than it has members.
      get missing() {
        return Array.from({ length: size }, (_, node) => node).filter((node) => !heard.has(node))
      },
    }
  }

  /** Calls `stop()`, for `using`. */
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
      this.#dueMs = monotonicMs() + intervalMs // Node counts from the end of the callback
    }
  }

  #beat(loopDelayMs: number): void {
    let text = ''
    try {
      text = this.#text()
    } finally {
      // `status` may have closed the fleet.
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
      throw wrongType('status()', text, 'a string')
    }
    return text
  }
}
