// Hosts as fleets of this machine.
import { Fleet, type OrbitEvent, OrbitEventBus } from 'orbit-node'
import { onTestFinished } from 'vitest'
import { fleetName } from '../../../../test/help/fleets.js'
import { type Bridge, type BridgeOptions, bridge } from '../../src/index.js'

export interface Host {
  readonly name: string
  readonly fleet: Fleet
  readonly bridge: Bridge
  readonly bus: OrbitEventBus
}

/** A host with one member, in this process. It is gone when the test ends. */
export function startHost(host: string, options: BridgeOptions, fleet = fleetName(`bridge-${host}`)): Host {
  const handle = Fleet.joinShm(fleet)
  const bus = new OrbitEventBus(handle, { capacity: 4096 })
  const made = bridge(handle, { host, nats: { reconnectDelayHandler: () => 30 }, ...options })
  onTestFinished(async () => {
    await made.close()
    handle.close()
  })
  return { name: fleet, fleet: handle, bridge: made, bus }
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Waits until all hosts are connected, get what the others send, and know each other. */
export async function connected(...hosts: Host[]): Promise<void> {
  for (const { bridge } of hosts) {
    await bridge.ready({ timeoutMs: 60_000 })
    await until(async () => (await bridge.hosts().catch(() => [])).length === hosts.length)
  }
}

/** The next `count` events of a topic, as text with their hosts. */
export async function take(bus: OrbitEventBus, pattern: string, count: number): Promise<string[]> {
  const taken: string[] = []
  if (count === 0) return taken
  for await (const event of bus.subscribe(pattern, { from: 'start' })) {
    taken.push(textOf(event))
    if (taken.length === count) break
  }
  return taken
}

const textOf = (event: OrbitEvent): string => `${event.origin?.host ?? 'here'} ${event.topic} ${event.text()}`
