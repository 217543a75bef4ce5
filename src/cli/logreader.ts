import type { Cursor } from '../core/cursor.js'
import type { Frame } from '../core/frame.js'
import type { FleetObserver } from '../core/observer.js'
import { allKinds } from '../inspect/kinds.js'
import { recorderHeaderBytes, recorderName } from '../layers/flightrecorder.js'

/** A line that a FlightRecorder recorded. */
export interface LogLine {
  readonly node: number
  readonly position: number
  /** The process that wrote it, in its own pid namespace. */
  readonly pid: number
  /** Of the node, when it wrote the line. */
  readonly incarnation: number
  /** Of the writer's clock, in Unix milliseconds. */
  readonly timeMs: number
  /** Of the host's monotonic clock. */
  readonly monotonicMs: number
  /** As pino numbers it; 0: the writer gave none. */
  readonly level: number
  readonly text: string
}

/** Whether a ring is one of flight recorders, by the name in its header. */
export const isLogName = (name: string | undefined): boolean => name?.startsWith(`${recorderName}:`) === true

/** The line in a frame; undefined: it is shorter than a header. */
export function lineIn({ node, position, frameKind, version, payload }: Frame): LogLine | undefined {
  if (payload.length < recorderHeaderBytes) return undefined
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  const writtenMs = bytes.readDoubleLE(0)
  const monotonicMs = Number.isFinite(writtenMs) ? writtenMs : 0
  const [pid, incarnation] = [bytes.readUInt32LE(8), bytes.readUInt32LE(12)]
  const text = bytes.toString('utf8', recorderHeaderBytes)
  return { node, position, pid, incarnation, timeMs: version, monotonicMs, level: frameKind, text }
}

/** Lines, and how many were overwritten before they could be read. */
export interface LogBatch {
  readonly lines: LogLine[]
  readonly lost: number
}

/** Reads the lines of all recorders of a fleet. */
export class LogReader {
  readonly #fleet: FleetObserver
  readonly #cursors = new Map<number, Cursor>()

  constructor(fleet: FleetObserver) {
    this.#fleet = fleet
    this.findRings()
  }

  /** Looks for rings that have come since the last call. It costs a listing of the folder of the objects. */
  findRings(): void {
    for (const kind of allKinds(this.#fleet)) {
      if (this.#cursors.has(kind) || !this.#isLog(kind)) continue
      this.#cursors.set(
        kind,
        this.#fleet.cursorOf(() => this.#fleet.existingRing(kind), 'start'),
      )
    }
  }

  /** A ring that cannot be opened is none: `orbit doctor` reports it. */
  #isLog(kind: number): boolean {
    try {
      return isLogName(this.#fleet.existingRing(kind)?.name)
    } catch {
      return false
    }
  }

  /** The lines that have come since the last call, of all rings in one order. */
  poll(): LogBatch {
    let lost = 0
    const lists = [...this.#cursors.values()].map((cursor) => {
      const lines: LogLine[] = []
      for (;;) {
        const poll = cursor.poll()
        lost += poll.lost + poll.malformed
        for (const frame of poll.frames) lines.push(...[lineIn(frame) ?? []].flat())
        if (poll.to === poll.from) return lines
      }
    })
    return { lines: merged(lists), lost }
  }
}

/** The lines of all lists by the monotonic clock, and each list in its own order. */
export function merged(lists: readonly (readonly LogLine[])[]): LogLine[] {
  const entries = lists.flatMap((lines) => {
    let dueMs = 0
    return lines.map((line) => {
      dueMs = Math.max(dueMs, line.monotonicMs)
      return { line, dueMs }
    })
  })
  return entries.sort((a, b) => a.dueMs - b.dueMs).map(({ line }) => line)
}
