import type { NativeBeat } from './native.js'

/** The last heartbeat of a member. */
export interface Heartbeat {
  /** How many heartbeats the member has made, 1 or more; this one is included. */
  readonly count: number
  /** How long ago it was made, in whole milliseconds of the monotonic clock; 0 or more. */
  readonly ageMs: number
  /** When it was made, in Unix milliseconds of the member's clock. For people: use `ageMs` to compare. */
  readonly unixMs: number
  /** How late the timer of the heartbeat fired, in milliseconds; 0 or more. It shows how busy the event loop was. */
  readonly loopDelayMs: number
  /** The member's own text, at most 64 bytes of UTF-8; '' if it gave none. */
  readonly status: string
}

/**
 * One node of a fleet that is in use: its member is alive, or has died and not been replaced yet. A member that left by
 * `close()` has no record.
 */
export interface NodeRecord {
  /** The number of the node, 0..size-1. */
  readonly node: number
  /** The process of the member, in its own pid namespace. For people: never decide by it which process lives. */
  readonly pid: number
  /** The label that the member gave when it joined, at most 32 bytes of UTF-8. */
  readonly label: string
  /** Whether the member is alive. The kernel decides, by a lock that it releases when the process ends. */
  readonly alive: boolean
  /** When the member joined, in Unix milliseconds. */
  readonly joinedAtMs: number
  /** When the member's process or worker thread started, in Unix milliseconds. */
  readonly startedAtMs: number
  /** How many members have held the node, 1 or more; this one is included. */
  readonly incarnation: number
  /** The last heartbeat of the member; absent if it has made none. */
  readonly heartbeat?: Heartbeat
}

/** A heartbeat from the addon, with its age at `nowMs` of the monotonic clock. */
export function heartbeatOf({ count, unixMs, monotonicMs, loopDelayUs, status }: NativeBeat, nowMs: number): Heartbeat {
  const ageMs = Math.max(0, Math.floor(nowMs) - monotonicMs)
  return { count, ageMs, unixMs, loopDelayMs: loopDelayUs / 1000, status }
}
