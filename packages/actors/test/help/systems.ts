// Systems that exist only for the time of a test.
import { Fleet } from 'orbit-node'
import { onTestFinished } from 'vitest'
import { fleetName } from '../../../../test/help/fleets.js'
import {
  type ActorClasses,
  type ActorLog,
  type ActorSystem,
  actors,
  type CallerOptions,
  type HostOptions,
} from '../../src/index.js'

/** Lines that actors and systems logged. */
export class Log implements ActorLog {
  readonly lines: unknown[][] = []
  debug(...values: unknown[]): void {
    this.lines.push(values)
  }
  info(...values: unknown[]): void {
    this.lines.push(values)
  }
  warn(...values: unknown[]): void {
    this.lines.push(values)
  }
  error(...values: unknown[]): void {
    this.lines.push(values)
  }
}

/** A fleet in the memory of this process. */
export function localFleet(): Fleet {
  const fleet = Fleet.join(fleetName('actors'))
  onTestFinished(() => fleet.close())
  return fleet
}

/** A system that is closed after the test. */
export function start<C extends ActorClasses>(options: HostOptions<C> | CallerOptions): ActorSystem<C> {
  const system = actors<C>(options as HostOptions<C>)
  onTestFinished(() => system.close())
  return system
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}
