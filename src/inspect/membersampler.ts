import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { type NodeState, nodeStateOf } from './nodestate.js'
import { pathOf } from './objects.js'
import { maps, processUse } from './process.js'

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
}

interface LastUse {
  readonly cpuMs: number
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

  sample(fleet: FleetObserver, nodes: readonly NodeRecord[]): MemberSample[] {
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
        cpu: use === undefined ? null : this.#cpu(key, use.cpuMs),
        rssBytes: use?.rssBytes ?? null,
      }
    })
  }

  #cpu(key: string, cpuMs: number): number | null {
    const now = { cpuMs, atMs: performance.now() }
    const before = this.#last.get(key)
    this.#next.set(key, now)
    return before === undefined ? null : Math.max(0, (cpuMs - before.cpuMs) / (now.atMs - before.atMs))
  }
}
