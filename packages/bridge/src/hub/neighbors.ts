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
/** Another program may announce any names. */
const mostHosts = 1024

/** The other hosts of the cluster, by what they say of themselves. */
export class Neighbors {
  readonly #seen = new Map<string, Neighbor>()

  /** @returns whether its process was not known */
  note(host: string, announcement: Announcement, seenMs: number): boolean {
    const isNew = this.#seen.get(host)?.id !== announcement.id
    this.#seen.delete(host) // so that the host that was silent for the longest time comes first
    this.#seen.set(host, { ...announcement, seenMs })
    const [silent] = this.#seen.size > mostHosts ? this.#seen.keys() : []
    if (silent !== undefined) this.#seen.delete(silent)
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
    const progress = Object.entries(Object(sent)) as [string, Received][]
    const isWhole =
      typeof id === 'string' &&
      typeof fleet === 'string' &&
      [pid, unixMs, ...Object.values(Object(lost))].every(Number.isSafeInteger) &&
      progress.every(([, each]) => Number.isSafeInteger(each.epoch) && Number.isSafeInteger(each.next))
    return isWhole ? { id, fleet, pid, unixMs, sent: Object(sent), lost: Object(lost) } : undefined
  } catch {
    return undefined
  }
}
