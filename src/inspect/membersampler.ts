import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { type NodeState, nodeStateOf } from './nodestate.js'
import { pathOf } from './objects.js'
import { maps, processUse } from './process.js'
import type { InboxReport } from './report.js'

/** A member, or one that died and was not replaced yet. */
export interface MemberSample {
  readonly fleet: string
  readonly node: number
  readonly pid: number
  readonly label: string
  readonly state: NodeState
  readonly joinedAtMs: number
  /** The age of its last heartbeat; null: it has sent none. */
  readonly beatAgeMs: number | null
  readonly loopDelayMs: number | null
  /** The text of its last heartbeat; '': none. */
  readonly status: string
  /** The part of one core that its process used since the last sample; null: not known. */
  readonly cpu: number | null
  readonly rssBytes: number | null
  /** Calls that wait for it, or that it runs; null: it neither calls nor serves. */
  readonly calls: number | null
  /** Calls that it was sent, a second; null: not known. */
  readonly callsPerSecond: number | null
}

interface LastUse {
  readonly cpuMs: number | undefined
  readonly accepted: number | undefined
  readonly atMs: number
}

/** Samples the members of fleets repeatedly, with the CPU time that their processes use in between. */
export class MemberSampler {
  #last = new Map<string, LastUse>()
  #next = new Map<string, LastUse>()
  /** Members of which the process was found in this pid namespace. */
  readonly #seen = new Set<string>()

  /** To be called between two samples of a fleet. */
  turn(): void {
    this.#last = this.#next
    this.#next = new Map()
  }

  /** @param calls the inbox for calls of each node that has one */
  sample(
    fleet: FleetObserver,
    nodes: readonly NodeRecord[],
    calls: ReadonlyMap<number, InboxReport> = new Map(),
  ): MemberSample[] {
    let path: string | undefined
    const isHere = (key: string, pid: number): boolean => {
      path ??= pathOf(fleet.name, 'fleet')
      if (!this.#seen.has(key) && maps(pid, path)) this.#seen.add(key)
      return this.#seen.has(key)
    }
    return nodes.map((record) => {
      const { node, pid, label, joinedAtMs, heartbeat, incarnation, alive } = record
      const key = `${fleet.id}/${node}/${incarnation}/${pid}`
      const use = alive && isHere(key, pid) ? processUse(pid) : undefined
      const inbox = calls.get(node)
      return {
        fleet: fleet.name,
        node,
        pid,
        label,
        state: nodeStateOf(fleet.name, record),
        joinedAtMs,
        beatAgeMs: heartbeat?.ageMs ?? null,
        loopDelayMs: heartbeat?.loopDelayMs ?? null,
        status: heartbeat?.status ?? '',
        ...this.#rates(key, use?.cpuMs, inbox?.accepted),
        rssBytes: use?.rssBytes ?? null,
        calls: inbox?.depth ?? null,
      }
    })
  }

  #rates(key: string, cpuMs: number | undefined, accepted: number | undefined) {
    const now = { cpuMs, accepted, atMs: performance.now() }
    const before = this.#last.get(key)
    this.#next.set(key, now)
    const perMs = (to: number | undefined, from: number | undefined): number | null =>
      to === undefined || from === undefined || before === undefined
        ? null
        : Math.max(0, (to - from) / (now.atMs - before.atMs))
    const callsPerMs = perMs(accepted, before?.accepted)
    return { cpu: perMs(cpuMs, before?.cpuMs), callsPerSecond: callsPerMs && callsPerMs * 1000 }
  }
}
