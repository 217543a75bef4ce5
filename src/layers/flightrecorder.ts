import { TextEncoder } from 'node:util'
import { checkInteger, checkOptions, wrongType } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer, writableFleet } from '../core/layer.js'
import { Ring } from '../core/ring.js'
import { firstRecord, putText, scratch } from '../core/scratch.js'

/** Options of a `FlightRecorder`: the geometry of its ring. */
export interface FlightRecorderOptions {
  /**
   * How many lines the ring retains, a power of two in 1..2^19. Default: that of the existing ring, or 512. A ring of
   * 512 lines of 984 bytes takes 0.8 MB of shared memory in a fleet of 256.
   */
  capacity?: number
  /** The most bytes of a line, 1..2^20; a longer one is cut. Default: that of the existing ring, or 984. */
  lineBytes?: number
}

/** Nodes that are equal modulo this number share a ring. A fleet has 72 KINDs for names. */
const recorderRings = 16
/** The name of the rings, which their number follows. @internal */
export const recorderName = 'orbit.log'
/**
 * Each line follows the monotonic millisecond of its write (8 bytes, floating point), by which lines of several
 * processes are ordered, the pid of its process and the incarnation of its node (4 bytes each). @internal
 */
export const recorderHeaderBytes = 16
const maxLevel = 255

const encoder = new TextEncoder()

/** The level of a frame. A logger may pass anything: what is no number counts as none. */
function levelByte(level: unknown): number {
  const number = typeof level === 'bigint' ? Number(level) : level
  return typeof number === 'number' && number > 0 ? Math.min(Math.trunc(number), maxLevel) : 0
}

const lineOffset = firstRecord + recorderHeaderBytes

/**
 * Keeps the newest log lines of this process in shared memory, where they outlive it: after a SIGKILL or an
 * out-of-memory kill, `orbit logs` shows them up to the last one. The first 16 members of a fleet have a ring each, so
 * no other process overwrites their lines; further members share these rings. Nothing is written to a disk, and the
 * lines go when the fleet does.
 */
export class FlightRecorder {
  readonly #layer: Layer<Ring>
  readonly #incarnation: number

  /**
   * If the ring exists with another geometry, it is taken as it is, and the process gets one warning with the code
   * ORBIT_GEOMETRY_DIFFERS.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_READ_ONLY for an observer, ERR_ORBIT_KINDS_FULL; what
   *   else opening a ring throws
   */
  constructor(fleet: Fleet, options: FlightRecorderOptions = {}) {
    checkOptions('options', options, ['capacity', 'lineBytes'])
    const { capacity, lineBytes } = options
    if (lineBytes !== undefined) checkInteger('lineBytes', lineBytes, 1, 2 ** 20)
    const { node, incarnation } = writableFleet(fleet, recorderName)
    this.#incarnation = incarnation
    this.#layer = reservedLayer(fleet, Ring, {
      name: recorderName,
      kind: undefined,
      ownName: String(node % recorderRings),
      capacity,
      payloadBytes: lineBytes === undefined ? undefined : recorderHeaderBytes + lineBytes,
      payloadOption: { option: 'lineBytes', overhead: recorderHeaderBytes },
      defaults: { capacity: 512, payloadBytes: recorderHeaderBytes + 984 },
    })
  }

  /**
   * Records a line with the present time, and never throws for a reason that a logger could not handle: after the fleet
   * was closed or removed, it records nothing.
   *
   * @param line the text of one log entry; a line end at its end is dropped, and bytes beyond lineBytes are cut
   * @param level the level of the entry as pino numbers it (30 info, 40 warn, 50 error), 0..255; 0 (default): that
   *   in the text, if the line is JSON
   * @returns whether the line was recorded
   * @throws TypeError for a line that is not a string
   */
  write(line: string, level = 0): boolean {
    if (typeof line !== 'string') throw wrongType('line', line, 'a string')
    try {
      const ring = this.#layer.writable()
      const end = firstRecord + ring.payloadBytes
      const text = line.endsWith('\n') ? line.slice(0, -1) : line
      let lineEnd = putText(text, lineOffset, end)
      if (lineEnd < 0) lineEnd = lineOffset + encoder.encodeInto(text, scratch.bytes.subarray(lineOffset, end)).written
      scratch.floats[firstRecord >> 3] = monotonicMs()
      scratch.words[(firstRecord >> 2) + 2] = process.pid
      scratch.words[(firstRecord >> 2) + 3] = this.#incarnation
      ring.publishScratch(lineEnd - firstRecord, Date.now(), levelByte(level))
      return true
    } catch {
      return false // closed, removed or exhausted: a log must not end the program
    }
  }
}
