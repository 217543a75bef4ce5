import { monotonicMs } from '../base/clock.js'
import { native } from './native.js'

/** The clock of expiry and heartbeats: the monotonic one, and what a test of this thread has advanced it by. */
export const clockMs = (): number => monotonicMs() + native.advanceClock(0)
