import type { BridgeHost } from './hub/hosts.js'
import type { BridgeStats } from './stats.js'

/** Something that is wrong between hosts, in the form of `orbit doctor --json`. */
export interface BridgeFinding {
  /** How bad it is. */
  readonly level: 'note' | 'warning' | 'problem'
  /** The name of the check, which does not change. */
  readonly check:
    | 'bridge-absent'
    | 'bridge-unreachable'
    | 'bridge-lag'
    | 'host-names'
    | 'host-silent'
    | 'clock-offset'
    | 'events-lost'
  /** The facts. */
  readonly found: string
  /** Their consequence. */
  readonly meaning: string
  /** What to do. */
  readonly fix: string
}

const waitingMost = 1000
const offsetMost = 1000

/**
 * @param hosts undefined: the process that holds the bridge does not answer
 * @param names what the members of the fleet call this host
 */
export function findingsOf(
  stats: BridgeStats,
  hosts: readonly BridgeHost[] | undefined,
  names: readonly string[],
): BridgeFinding[] {
  return [
    ...connectionFindings(stats, hosts !== undefined),
    ...nameFindings(names),
    ...routeFindings(stats),
    ...(hosts ?? []).flatMap(hostFindings),
  ]
}

function connectionFindings({ pid, connected }: BridgeStats, answers: boolean): BridgeFinding[] {
  const meaning = 'nothing goes between this host and the others'
  if (pid === undefined) {
    const fix = 'start a process that calls bridge()'
    return [
      { level: 'problem', check: 'bridge-absent', found: 'no process holds the bridge of this host', meaning, fix },
    ]
  }
  if (!answers) {
    const found = `pid ${pid} holds the bridge of this host, and does not answer: it is stopped or blocked`
    return [
      { level: 'problem', check: 'bridge-absent', found, meaning, fix: `kill -CONT ${pid}, or kill -KILL ${pid}` },
    ]
  }
  if (connected) return []
  const found = `pid ${pid} holds the bridge of this host, and reaches no server`
  return [
    { level: 'problem', check: 'bridge-unreachable', found, meaning, fix: 'start nats-server, or correct `servers`' },
  ]
}

function nameFindings(names: readonly string[]): BridgeFinding[] {
  if (names.length < 2) return []
  const found = `members of this fleet give their host different names: ${names.join(', ')}`
  const meaning = 'events, locks and lists of hosts have the name of the member that holds the connection'
  return [{ level: 'warning', check: 'host-names', found, meaning, fix: 'give all of them the same `host`' }]
}

function routeFindings({ routes }: BridgeStats): BridgeFinding[] {
  return Object.entries(routes).flatMap(([route, { waiting, unsent, lost }]) => {
    const findings: BridgeFinding[] = []
    if (waiting > waitingMost) {
      const meaning = 'the bus overwrites the oldest of them when it is full'
      const fix = 'see whether the server is slow, or give the bus a larger capacity'
      findings.push({
        level: 'warning',
        check: 'bridge-lag',
        found: `${waiting} events of route ${route} wait`,
        meaning,
        fix,
      })
    }
    const missing = Object.values(lost).reduce((sum, count) => sum + count, 0)
    if (unsent + missing > 0) {
      const found = `route ${route} has lost ${missing} events of other hosts, and not sent ${unsent} of this one`
      const meaning = 'subscribers have not seen them'
      const fix = "use delivery: 'stored', or give the bus a larger capacity"
      findings.push({ level: 'note', check: 'events-lost', found, meaning, fix })
    }
    return findings
  })
}

function hostFindings({ host, alive, ageMs, clockOffsetMs, roundTripMs = 0 }: BridgeHost): BridgeFinding[] {
  if (!alive) {
    const found = `host ${host} was heard ${Math.round(ageMs / 1000)} s ago`
    const meaning = 'it is off, cut off, or has no process with a bridge'
    return [{ level: 'note', check: 'host-silent', found, meaning, fix: `run orbit hosts on ${host}` }]
  }
  if (clockOffsetMs === undefined || Math.abs(clockOffsetMs) < offsetMost + roundTripMs) return []
  const found = `the clock of host ${host} is ${clockOffsetMs} ms ahead of the one of this host`
  const meaning = 'windows of rate limits and cron jobs begin at different times; locks and caches do not depend on it'
  return [
    { level: 'warning', check: 'clock-offset', found, meaning, fix: 'synchronize the clocks, with chrony for example' },
  ]
}
