import type { Metric } from 'orbit-node'
import type { HostReport } from './report.js'
import type { Tally } from './tally.js'

/** The metrics of the actors of one process at one moment. */
export interface ActorMetrics {
  /** In a fixed order. */
  readonly metrics: readonly Metric[]
  /** The metrics in the text format of Prometheus, version 0.0.4. */
  toString(): string
}

type Row = readonly [name: string, type: Metric['type'], help: string, value: number]

/** Metrics of what a process has and has done. */
export function actorMetrics(system: string, report: HostReport, tally: Tally, partitions: number): ActorMetrics {
  const { commits } = tally
  const rows: Row[] = [
    ['partitions', 'gauge', 'Partitions of actors that this process has.', partitions],
    ['active', 'gauge', 'Actors that are active in this process.', report.active],
    ['waiting', 'gauge', 'Calls that wait for their turn.', report.waiting],
    ['running', 'gauge', 'Methods that run.', report.running],
    ['oldest_wait_seconds', 'gauge', 'How long the oldest call has waited.', oldestOf(report) / 1000],
    ['calls_total', 'counter', 'Calls that actors have taken.', tally.calls],
    ['failures_total', 'counter', 'Methods that have thrown.', tally.failures],
    ['refused_total', 'counter', 'Calls that were refused or dropped because a mailbox was full.', tally.refused],
    ['crashes_total', 'counter', 'Activations that have ended by a failure.', tally.crashes],
    ['commits_total', 'counter', 'Commits of durable state that have succeeded.', commits.commits],
    ['commit_changes_total', 'counter', 'Changes in these commits.', commits.changes],
    ['commit_failures_total', 'counter', 'Commits of durable state that have failed.', commits.failures],
    ['commit_seconds_total', 'counter', 'The time of all commits, with that of the disk.', commits.totalMs / 1000],
    ['commit_longest_seconds', 'gauge', 'The longest time of a commit.', commits.longestMs / 1000],
  ]
  const metrics = rows.map(([name, type, help, value]) => {
    return { name: `orbit_actors_${name}`, help, type, samples: [{ labels: { system }, value }] }
  })
  return { metrics, toString: () => metrics.map(textOf).join('') }
}

function oldestOf({ waits }: HostReport): number {
  return waits.reduce((most, { state, forMs }) => (state === 'waiting' ? Math.max(most, forMs) : most), 0)
}

function textOf({ name, help, type, samples }: Metric): string {
  const escaped = (text: string) => text.replace(/[\\"\n]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`))
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    return `${name}{${pairs.join(',')}} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}
