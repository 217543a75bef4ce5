import timers from 'node:timers'

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers
const { hrtime } = process

/**
 * Node's own timers and clock, captured when this package loads: the fake timers of a test do not stop deliveries, and
 * an environment that replaces the global ones (in jsdom they have no unref, and there is no setImmediate) does not
 * break them.
 */
export const runtime = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, hrtime }
