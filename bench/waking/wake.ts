import { orbitType } from '../../src/index.js'

/** How a reader process hears of a message. */
export type Hearing = 'wait' | 'iterate' | 'spin' | 'awake' | 'events' | 'send' | 'claim'

/** What a waker tells its readers; they answer each with one message. */
export type Order =
  /** Hear the next so many messages; answered when ready, and again with what they were late by. */
  | { readonly hear: number }
  /** From now on read the crowd's ring this way. */
  | { readonly read: Hearing | 'off' }

/** What a burst did to its reader. */
export interface BurstHeard {
  /** Bytes that came through its bell. */
  readonly bytes: number
  /** Polls that brought something. */
  readonly polls: number
  readonly frames: number
  readonly overwritten: number
}

/** What one visit to a cell measured: samples by the names of scenarios.ts. */
export type Series = Record<string, number[]>

/** How much one visit measures; 1: the full bench's. */
export interface WakePace {
  readonly scale: number
}

export const idleGapMs = 1
/** Claims change hands more slowly: a process that idles for longer wakes later, whatever wakes it. */
export const claimGapMs = 5
/** Samples that are one after the other: what is quiet about a machine is told by their medians. */
export const blockSamples = 50
export const burstFrames = 10_000
export const tick = orbitType({ name: 'Tick', kind: 1, payloadBytes: 8 })
export const burst = orbitType({ name: 'Burst', kind: 2, payloadBytes: 64, capacity: 16_384 })
export const crowdBus = { capacity: 4096, payloadBytes: 128 }
export const crowdTopic = { published: 'crowd.web', subscribed: 'crowd.*' }
export const crowd = orbitType({ name: 'Crowd', kind: 3, payloadBytes: 64, capacity: 4096 })
