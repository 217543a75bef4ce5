import { readFileSync, readlinkSync } from 'node:fs'
import type { Fleet, NodeRecord } from 'orbit-node'
import type { ActorLog } from '../actor/actor.js'

/** What happens to a host that holds partitions, lives, and makes no heartbeats. */
export interface StuckOptions {
  readonly onStuck: 'wait' | 'kill'
  readonly stuckMs: number
}

/** A longer time between two looks is a pause of this process, and so long it looks on before it ends others. */
const [pauseMs, awakeMs] = [1000, 2000]

/** Ends hosts that are stopped or blocked, so that their partitions become free by the kernel's word. */
export class StuckHosts {
  readonly #fleet: Fleet
  readonly #options: StuckOptions
  readonly #log: ActorLog
  /** The hosts for which nothing more can be done, so that each is logged once. */
  readonly #given = new Set<string>()
  /** Since when this process has looked without a longer pause, in milliseconds of `performance.now()`. */
  #awakeSinceMs = Number.POSITIVE_INFINITY
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(fleet: Fleet, options: StuckOptions, log: ActorLog) {
    this.#fleet = fleet
    this.#options = options
    this.#log = log
  }

  /** Looks at the owners of partitions, by the ids of their hosts. */
  look(owners: ReadonlySet<string | undefined>, nowMs = performance.now()): void {
    if (this.#options.onStuck === 'wait' || !this.#isAwake(nowMs)) return
    for (const member of this.#fleet.nodes()) {
      const host = `${member.node}.${member.incarnation}`
      const ageMs = member.heartbeat?.ageMs ?? 0
      if (!owners.has(host) || !member.alive || ageMs < this.#options.stuckMs || this.#given.has(host)) continue
      this.#given.add(host)
      this.#kill(member, ageMs)
    }
  }

  /**
   * Whether this process has run for so long that others could make a heartbeat in that time. After a pause of the
   * whole machine or container, those of all processes are old.
   */
  #isAwake(nowMs: number): boolean {
    if (nowMs - this.#lookedMs > pauseMs) this.#awakeSinceMs = nowMs
    this.#lookedMs = nowMs
    return nowMs - this.#awakeSinceMs >= awakeMs
  }

  #kill({ pid, label }: NodeRecord, ageMs: number): void {
    const what = `the process ${pid} (${label}) holds partitions and has made no heartbeat for ${ageMs} ms`
    if (pid === process.pid || !isMember(pid, this.#fleet)) {
      this.#log.error(`${what}: it cannot be ended from here`)
      return
    }
    this.#log.error(`${what}: it is killed`)
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      this.#log.error(`${what}: it cannot be ended:`, error)
    }
  }
}

/** Whether a process of this pid, in the namespace of this process, has the fleet mapped: pids are used again. */
function isMember(pid: number, { name }: Fleet): boolean {
  try {
    const isSameSpace = readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid')
    return isSameSpace && readFileSync(`/proc/${pid}/maps`, 'utf8').includes(`/orbit-${name}-`)
  } catch {
    return false // it has ended, or is of another user
  }
}
