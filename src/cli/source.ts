import { OrbitError } from '../base/errors.js'
import type { Frame } from '../core/frame.js'
import type { FleetObserver } from '../core/observer.js'
import { contestKind, eventKind, inspectRing } from '../inspect/report.js'
import { OrbitEventBus } from '../layers/bus.js'
import { UsageError } from './command.js'
import { type Decoded, decoderOf, type Item, itemOf } from './decode.js'

export interface Items {
  readonly items: Item[]
  /** Positions passed: more than items where a topic was asked for. */
  readonly from: number
  readonly to: number
}

/** A cursor that gives items; a loss stands before the frames that follow it. */
export interface Source {
  readonly position: number
  poll(max: number): Items
}

type From = 'start' | 'head' | number

function lossOf(from: number, to: number, lost: number, malformed: number): Item[] {
  return lost + malformed === 0 ? [] : [{ item: 'loss', from, to, lost, malformed }]
}

function eventSource(fleet: FleetObserver, from: From, topic: string): Source {
  const cursor = new OrbitEventBus(fleet).cursor(startOf(fleet, eventKind, from))
  return {
    get position() {
      return cursor.position
    },
    poll(max) {
      const { events, lost, malformed, from, to } = cursor.pollTopic(topic, max)
      const found = events.map((event): Item => ({ item: 'event', event }))
      return { items: [...lossOf(from, to, lost, malformed), ...found], from, to }
    },
  }
}

function frameSource(fleet: FleetObserver, kind: number, from: From, isWanted: (frameKind: number) => boolean): Source {
  const cursor = fleet.cursorOf(() => fleet.existing(kind), startOf(fleet, kind, from))
  let read: ((bytes: Uint8Array) => Decoded) | undefined
  const item = (frame: Frame): Item => {
    read ??= readerOf(fleet, kind)
    return itemOf(kind, frame, read)
  }
  return {
    get position() {
      return cursor.position
    },
    poll(max) {
      const { frames, lost, malformed, from, to } = cursor.poll(max)
      const found = frames.filter(({ frameKind }) => isWanted(frameKind)).map(item)
      return { items: [...lossOf(from, to, lost, malformed), ...found], from, to }
    },
  }
}

function readerOf(fleet: FleetObserver, kind: number): (bytes: Uint8Array) => Decoded {
  const { schema, fingerprint } = inspectRing(fleet, kind, []) ?? { schema: '', fingerprint: 0n }
  return decoderOf(schema, fingerprint)
}

/** A negative `from` counts from the head, and stays within what is retained. */
function startOf(fleet: FleetObserver, kind: number, from: From): From {
  if (typeof from !== 'number' || from >= 0) return from
  const ring = fleet.existing(kind)
  return ring === undefined ? 'start' : Math.max(ring.oldest(), ring.head() + from)
}

/** Is the ring of this KIND orbit's own event bus? Somebody else's under its number is shown as frames. */
function isBus(fleet: FleetObserver, kind: number): boolean {
  if (kind !== eventKind) return false
  const ring = fleet.existing(kind)
  return ring === undefined || ring.stats().name === 'orbit.events'
}

export interface SourceOptions {
  readonly from: From
  readonly topic?: string | undefined
  readonly frameKind?: number | undefined
}

export function sourceOf(fleet: FleetObserver, kind: number, { from, topic, frameKind }: SourceOptions): Source {
  if (kind === contestKind) throw new UsageError(`KIND ${kind} is a table of claims: orbit claims ${fleet.name}`)
  if (isBus(fleet, kind) && frameKind === undefined) return eventSource(fleet, from, topic ?? '>')
  if (topic !== undefined) throw new UsageError(`--topic=${topic} is for events, KIND ${eventKind}`)
  return frameSource(fleet, kind, from, (each) => frameKind === undefined || each === frameKind)
}

export function gone(what: string): OrbitError {
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `${what} was removed`)
}
