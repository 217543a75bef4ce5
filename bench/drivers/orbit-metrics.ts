import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { FleetRegistry } from '../../src/adapters/prom.js'
import { Fleet } from '../../src/index.js'

/** How many lines a worker has. */
export const lines = 500

/** A worker with metrics of its own and of all. */
export function worker(name: string): { registry: FleetRegistry; close(): void } {
  const fleet = Fleet.joinShm(name, { size: 8, lifetime: 'fleet' })
  const register = new Registry()
  const registers = [register]
  const counter = new Counter({ name: 'c', help: 'Counts.', labelNames: ['route'], registers })
  const gauge = new Gauge({ name: 'g', help: 'Levels.', labelNames: ['pool'], registers })
  const histogram = new Histogram({ name: 'h', help: 'Times.', labelNames: ['route'], registers })
  for (let i = 0; i < 230; i++) counter.inc({ route: `/${i}` })
  for (let i = 0; i < 200; i++) gauge.set({ pool: `${i}` }, i)
  // A histogram has 14 lines for each of five routes.
  for (let i = 0; i < 60; i++) histogram.observe({ route: `/${i % 5}` }, i / 5)
  const registry = new FleetRegistry(fleet, { register })
  return {
    registry,
    close() {
      registry.close()
      fleet.close()
    },
  }
}
