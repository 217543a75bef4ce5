import type { Received } from './receiver.js'

/** What a host says of itself once a second. */
export interface Announcement {
  /** Names the process that holds the bridge: two hosts of one name have two. */
  readonly id: string
  readonly fleet: string
  readonly pid: number
  /** Unix milliseconds of its clock. */
  readonly unixMs: number
  /** How far its senders of live routes have come. */
  readonly sent: Readonly<Record<string, Received>>
  /** How many events of each host it has lost, over all routes. */
  readonly lost: Readonly<Record<string, number>>
}

/** Another host, as this one knows it. */
export interface Neighbor extends Announcement {
  /** Monotonic milliseconds of this host. */
  readonly seenMs: number
}

const aliveMs = 5000
/** Hosts that were silent for so long are forgotten. */
const forgetMs = 24 * 3_600_000

/** The other hosts of the cluster, by what they say of themselves. */
export class Neighbors {
  readonly #seen = new Map<string, Neighbor>()

  /** @returns whether its process was not known */
  note(host: string, announcement: Announcement, seenMs: number): boolean {
    const isNew = this.#seen.get(host)?.id !== announcement.id
    this.#seen.set(host, { ...announcement, seenMs })
    return isNew
  }

  /** All that were seen in the last day. */
  list(nowMs: number): [host: string, neighbor: Neighbor, isAlive: boolean][] {
    for (const [host, { seenMs }] of this.#seen) if (nowMs - seenMs > forgetMs) this.#seen.delete(host)
    return [...this.#seen].map(([host, neighbor]) => [host, neighbor, nowMs - neighbor.seenMs <= aliveMs])
  }

  /** The names of those that were heard in the last seconds. */
  alive(nowMs: number): string[] {
    return this.list(nowMs).flatMap(([host, , isAlive]) => (isAlive ? [host] : []))
  }
}

/** The announcement in these bytes; undefined: they are none. */
export function announcementIn(bytes: Uint8Array): Announcement | undefined {
  try {
    const { id, fleet, pid, unixMs, sent, lost } = JSON.parse(Buffer.from(bytes).toString())
    const isWhole = typeof id === 'string' && typeof fleet === 'string' && typeof sent === 'object' && sent !== null
    return isWhole ? { id, fleet, pid: Number(pid), unixMs: Number(unixMs), sent, lost: lost ?? {} } : undefined
  } catch {
    return undefined
  }
}
