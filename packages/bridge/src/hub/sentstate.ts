import { createHash } from 'node:crypto'
import type { Orbital, OrbitEventBus } from 'orbit-node'
import type { SentState } from './memory.js'

/** A state in which nothing was sent. */
export const newState = (topics: number, position: number): SentState => ({
  epoch: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
  topics,
  position,
  next: 0,
  triedPosition: position,
  triedNext: 0,
})

/** Tells lists of topics apart. */
export const hashOf = (topics: readonly string[]): number =>
  createHash('sha256').update(JSON.stringify(topics)).digest().readUIntBE(0, 6)

/**
 * Notes where sending begins, unless a process of this host has done so: events that are published from now on are
 * sent, however long it takes until there is a connection.
 */
export function beginSending(state: Orbital<SentState>, bus: OrbitEventBus, topics: readonly string[]): void {
  if (state.load() !== undefined) return
  using cursor = bus.cursor('head')
  state.store(newState(hashOf(topics), cursor.position))
}
