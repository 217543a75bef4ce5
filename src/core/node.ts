import type { NativeBeat } from './native.js'

/** One beat of a member's heart, as FleetHeartbeat made it. */
export interface Heartbeat {
  /** How many beats the member has made, this one included. */
  readonly count: number
  /** How long ago it was, in whole milliseconds of the monotonic clock; 0 or more. */
  readonly ageMs: number
  /** Unix time of the beat, by the member's clock: for people. */
  readonly unixMs: number
  /** How late its timer fired, in milliseconds, 0 or more: how long the member's event loop was busy. */
  readonly loopDelayMs: number
  /** What the member said of itself, at most 64 bytes of UTF-8. */
  readonly status: string
}

/** One member: alive, or dead with nobody in its place yet. Who left by `close()` has no record. */
export interface NodeRecord {
  /** 0..size-1. */
  readonly node: number
  /** In the member's own pid namespace: for people, never for deciding who lives. */
  readonly pid: number
  /** At most 32 bytes of UTF-8. */
  readonly label: string
  /** The kernel's word. */
  readonly alive: boolean
  /** Unix time. */
  readonly joinedAtMs: number
  /** Unix time at which its process or worker thread began. */
  readonly startedAtMs: number
  /** How many members have held the node, this one included. */
  readonly incarnation: number
  /** Its last beat; absent when it has made none. */
  readonly heartbeat?: Heartbeat
}

export function heartbeatOf({ count, unixMs, monotonicMs, loopDelayUs, status }: NativeBeat, nowMs: number): Heartbeat {
  const ageMs = Math.max(0, Math.floor(nowMs) - monotonicMs)
  return { count, ageMs, unixMs, loopDelayMs: loopDelayUs / 1000, status }
}
