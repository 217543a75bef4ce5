import { monotonicMs } from '../base/clock.js'
import { native } from './native.js'

/** The clock of expiry and heartbeats: the monotonic one, and what a test of this thread has advanced it by. */
export const clockMs = (): number => monotonicMs() + native.advanceClock(0)

const key = Symbol.for('orbit-node.advances')
const slots = globalThis as { [key]?: Set<() => void> }
slots[key] ??= new Set()
/** What is called when a test of this thread has advanced the clock. All copies of this package share it. */
export const advances = slots[key]
