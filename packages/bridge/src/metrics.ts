import type { Metric } from 'orbit-node'
import type { BridgeStats, RouteStats } from './stats.js'

/** The metrics of a bridge at one moment. */
export interface BridgeMetrics {
  /** In a fixed order, in the form of `collectMetrics`. */
  readonly metrics: readonly Metric[]
  /** The metrics in the text format of Prometheus, version 0.0.4. */
  toString(): string
}

const ofRoutes: [name: keyof Omit<RouteStats, 'lost'>, metric: string, help: string][] = [
  ['sent', 'orbit_bridge_sent_total', 'Events sent to other hosts.'],
  ['unsent', 'orbit_bridge_unsent_total', 'Events overwritten, or too long, before they could be sent.'],
  ['received', 'orbit_bridge_received_total', 'Events of other hosts delivered here.'],
  ['duplicates', 'orbit_bridge_duplicates_total', 'Events that came twice and were dropped.'],
  ['waiting', 'orbit_bridge_waiting', 'Events that wait on the bus of this host.'],
]

export function metricsOf(host: string, stats: BridgeStats): BridgeMetrics {
  const routes = Object.entries(stats.routes)
  const one = (name: string, help: string, type: Metric['type'], value: number): Metric => {
    return { name, help, type, samples: [{ labels: { host }, value }] }
  }
  const metrics: Metric[] = [
    one('orbit_bridge_connected', 'Whether this host is connected to a server.', 'gauge', stats.connected ? 1 : 0),
    one('orbit_bridge_outages_total', 'Connections that were lost.', 'counter', stats.outages),
    one('orbit_bridge_resets_total', 'Times that shared namespaces were emptied.', 'counter', stats.resets),
    ...ofRoutes.map(
      ([key, name, help]): Metric => ({
        name,
        help,
        type: key === 'waiting' ? 'gauge' : 'counter',
        samples: routes.map(([route, values]) => ({ labels: { host, route }, value: values[key] })),
      }),
    ),
    {
      name: 'orbit_bridge_lost_total',
      help: 'Events of other hosts that did not arrive, by their host.',
      type: 'counter',
      samples: routes.flatMap(([route, { lost }]) =>
        Object.entries(lost).map(([origin, value]) => ({ labels: { host, route, origin }, value })),
      ),
    },
  ]
  return { metrics, toString: () => metrics.map(textOf).join('') }
}

/** Names of hosts and routes have no character that the format would escape. */
function textOf({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return `${name}{${pairs.join(',')}} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}
