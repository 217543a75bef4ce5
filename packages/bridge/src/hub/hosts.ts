import type { Neighbors } from './neighbors.js'
import type { Desk } from './service.js'

/** Another host, as a row of a list. */
export interface HostRow {
  /** The name of the host. */
  readonly host: string
  /** Whether it was heard in the last 5 seconds. This host is always alive. */
  readonly alive: boolean
  /** The name of its fleet. */
  readonly fleet: string
  /** The process that holds its bridge. */
  readonly pid: number
  /** Milliseconds since it was heard last; 0 for this host. */
  readonly ageMs: number
  /** How many events of this host it has lost, over all routes. */
  readonly lost: number
}

/** The hosts of a cluster as rows, this one first. */
export function hostRows(own: HostRow, neighbors: Neighbors, nowMs: number): HostRow[] {
  const others = neighbors.list(nowMs).map(([host, { fleet, pid, seenMs, lost }, alive]): HostRow => {
    return { host, alive, fleet, pid, ageMs: Math.round(nowMs - seenMs), lost: Number(lost[own.host] ?? 0) }
  })
  return [own, ...others.sort((a, b) => (a.host < b.host ? -1 : 1))]
}

/** A host of the cluster, and its clock. */
export interface BridgeHost extends HostRow {
  /** How far its clock is ahead of the one of this host, in milliseconds; undefined: it has not answered. */
  readonly clockOffsetMs: number | undefined
  /** The time of a question and its answer, in milliseconds; undefined: it has not answered. */
  readonly roundTripMs: number | undefined
}

/** Asks all hosts for their clocks. */
export async function hostsWithClocks(desk: Desk, ms: number): Promise<BridgeHost[]> {
  const rows = await desk.hosts()
  const question = JSON.stringify({ op: 'clock' })
  return Promise.all(
    rows.map(async (row) => {
      const [begunMs, beginning] = [Date.now(), performance.now()]
      const answer = await desk.ask({ host: row.host, question, ms }).catch(() => undefined)
      if (answer === undefined) return { ...row, clockOffsetMs: undefined, roundTripMs: undefined }
      const roundTripMs = performance.now() - beginning
      const clockOffsetMs = Math.round(JSON.parse(answer).unixMs - begunMs - roundTripMs / 2)
      return { ...row, clockOffsetMs, roundTripMs: Math.round(roundTripMs * 100) / 100 }
    }),
  )
}
