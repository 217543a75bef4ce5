import type { Cursor } from '../core/cursor.js'
import type { FleetObserver } from '../core/observer.js'
import { contestKind, eventKind, isOfLayer, ownNameOf } from '../inspect/kinds.js'
import { inspectRing } from '../inspect/report.js'
import { inspectStore } from '../inspect/stores.js'
import { OrbitEventBus } from '../layers/bus.js'
import { recorderHeaderBytes } from '../layers/flightrecorder.js'
import { UsageError } from './command.js'
import type { From, ItemFeed } from './feed.js'
import { inboxFeed } from './inboxfeed.js'
import { type Item, itemOf } from './item.js'
import { nameOf } from './kindoperand.js'
import { isLogName } from './logreader.js'
import { type Decoded, decode, decoderOf } from './payload.js'

/** Sleeps until a cursor has news, or the signal is aborted. */
async function untilNews(cursor: Pick<Cursor, 'wait'>, signal: AbortSignal): Promise<void> {
  try {
    await cursor.wait({ signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function lossOf(from: number, to: number, lost: number, malformed: number): Item[] {
  return lost + malformed === 0 ? [] : [{ item: 'loss', from, to, lost, malformed }]
}

function eventFeed(fleet: FleetObserver, kind: number, from: From, topic: string): ItemFeed {
  const name = ownNameOf('events', nameOf(fleet, kind))
  const bus = new OrbitEventBus(fleet, name === undefined ? {} : { name })
  const cursor = bus.cursor(startOf(fleet, kind, from))
  return {
    get position() {
      return cursor.position
    },
    untilNews: (signal) => untilNews(cursor, signal),
    poll(max) {
      const { events, lost, malformed, from, to } = cursor.pollTopic(topic, max)
      const found = events.map((event): Item => ({ item: 'event', event }))
      return { items: [...lossOf(from, to, lost, malformed), ...found], from, to }
    },
  }
}

function frameFeed(fleet: FleetObserver, kind: number, from: From, isWanted: (frameKind: number) => boolean): ItemFeed {
  const cursor = fleet.cursorOf(() => fleet.existingRing(kind), startOf(fleet, kind, from))
  const readers = new PodReaders(fleet, kind)
  return {
    get position() {
      return cursor.position
    },
    untilNews: (signal) => untilNews(cursor, signal),
    poll(max) {
      const { frames, lost, malformed, from, to } = cursor.poll(max)
      const wanted = frames.filter(({ frameKind }) => isWanted(frameKind))
      // After the poll: a member adds its fields to the ring before it publishes them.
      const read = wanted.length > 0 ? readers.current() : decode
      const name = nameOf(fleet, kind)
      const isCache = isOfLayer('cache', name)
      const readLine = (bytes: Uint8Array) => read(bytes.subarray(recorderHeaderBytes))
      const found = wanted.map((frame) => itemOf(isCache, frame, isLogName(name) ? readLine : read))
      return { items: [...lossOf(from, to, lost, malformed), ...found], from, to }
    },
  }
}

/** The decoder of a ring, made anew when a member has added fields to its pod. */
class PodReaders {
  readonly #fleet: FleetObserver
  readonly #kind: number
  #schema: string | undefined
  #read: (bytes: Uint8Array) => Decoded = decode

  constructor(fleet: FleetObserver, kind: number) {
    this.#fleet = fleet
    this.#kind = kind
  }

  current(): (bytes: Uint8Array) => Decoded {
    const { schema, fingerprint } = inspectRing(this.#fleet, this.#kind, []) ?? { schema: '', fingerprint: 0n }
    if (schema !== this.#schema) this.#read = decoderOf(schema, fingerprint)
    this.#schema = schema
    return this.#read
  }
}

/** Resolves a negative `from`, which counts back from the head and stops at the oldest retained frame. */
function startOf(fleet: FleetObserver, kind: number, from: From): From {
  if (typeof from !== 'number' || from >= 0) return from
  const ring = fleet.existingRing(kind)
  return ring === undefined ? 'start' : Math.max(ring.oldest(), ring.head() + from)
}

/** Is the ring of this KIND an event bus? Another ring with its number is shown as frames. */
function isBus(fleet: FleetObserver, kind: number): boolean {
  const ring = fleet.existingRing(kind)
  return ring === undefined ? kind === eventKind : isOfLayer('events', ring.name)
}

export interface FeedOptions {
  readonly from: From
  readonly topic?: string | undefined
  readonly frameKind?: number | undefined
}

export function feedOf(fleet: FleetObserver, kind: number, { from, topic, frameKind }: FeedOptions): ItemFeed {
  if (kind === contestKind || isOfLayer('contest', nameOf(fleet, kind)))
    throw new UsageError(`KIND ${kind} is a contest, a table of claims: use orbit claims ${fleet.name}`)
  if (fleet.existing(kind) === undefined && inspectStore(fleet, kind) !== undefined)
    throw new UsageError(`KIND ${kind} is a store: use orbit store ${fleet.name}`)
  const isWanted = (each: number) => frameKind === undefined || each === frameKind
  const inboxes = topic === undefined ? inboxFeed(fleet, kind, from, isWanted) : undefined
  if (inboxes !== undefined) return inboxes
  if (isBus(fleet, kind) && frameKind === undefined) return eventFeed(fleet, kind, from, topic ?? '>')
  if (topic !== undefined)
    throw new UsageError(
      `--topic=${topic} needs an event bus (events, or events:NAME), and KIND ${kind} is another ring`,
    )
  return frameFeed(fleet, kind, from, isWanted)
}
