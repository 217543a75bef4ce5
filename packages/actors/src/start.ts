import { type Clock, hostClock } from './base/clock.js'
import { type ActorClasses, type CallerOptions, checkSystem, type HostOptions } from './options.js'
import { ActorSystem } from './system.js'

/**
 * Starts an actor system: each actor, by type and key, lives in exactly one of the processes that have the system in
 * their fleet, and is activated there by its first call. Waits for no other process.
 *
 * @throws TypeError or RangeError for wrong options; what joining the fleet throws, and ERR_ORBIT_CALLS_FULL
 */
export function actors<C extends ActorClasses>(options: HostOptions<C>): ActorSystem<C>
/**
 * Starts an actor system in a process that only calls actors: pass the type of their classes, which `import type`
 * brings.
 *
 * @throws TypeError or RangeError for wrong options; what joining the fleet throws, and ERR_ORBIT_CALLS_FULL
 */
export function actors<C extends ActorClasses>(options: CallerOptions): ActorSystem<C>
export function actors<C extends ActorClasses>(options: HostOptions<C> | CallerOptions): ActorSystem<C> {
  return startSystem(options, hostClock)
}

/** Starts a system under a clock. @internal */
export function startSystem<C extends ActorClasses>(
  options: HostOptions<C> | CallerOptions,
  clock: Clock,
): ActorSystem<C> {
  checkSystem(options)
  return new ActorSystem<C>(options, clock)
}
