import { checkOptions, wrongType } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { NetId64 } from '../base/netid.js'
import type { IterateOptions } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { Layer } from '../core/layer.js'
import type { FleetObserver } from '../core/observer.js'
import type { Poll } from '../core/poll.js'
import type { Ring } from '../core/ring.js'
import { loadedLength, loadedNode, payloadOffset, scratch } from '../core/scratch.js'
import type { OrbitType } from '../core/type.js'
import type { Pod } from '../pod/pod.js'

/** Options of `watch`: what ends it, whether it spins instead of sleeping, and whether it keeps the process alive. */
export type WatchOptions = Pick<IterateOptions, 'signal' | 'spin' | 'keepAlive'>

/**
 * A value of one type that all processes of a fleet share: `store` publishes a new one, `load` returns the newest. Its
 * history is the ring of the type; all handles of a type on a fleet share it.
 */
export class Orbital<T> {
  readonly #layer: Layer<Ring>
  readonly #type: OrbitType<T>
  readonly #pod: Pod<T>

  /**
   * @param type a type with a pod
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_NO_SPACE, ERR_ORBIT_BUSY,
   *   ERR_ORBIT_CLOSED
   */
  constructor(fleet: Fleet | FleetObserver, type: OrbitType<T>) {
    if (type?.pod === undefined) {
      throw wrongType('type', type?.name, 'a type with a pod')
    }
    this.#type = type
    this.#pod = type.pod
    this.#layer = new Layer(fleet, type, () => fleet.ring(type))
  }

  /**
   * Publishes a value. From now on `load` returns it, or a newer one, in every process.
   *
   * @returns the id of the value
   * @throws TypeError or RangeError for a value that does not fit the pod; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  store(value: T): NetId64 {
    const layer = this.#layer
    return layer.idAt(layer.writable().publishValue(this.#pod, value, undefined))
  }

  /**
   * The newest value of the fleet. It was the newest at some instant during the call.
   *
   * @returns undefined before the first store, and after a reset
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT; RangeError ERR_ORBIT_OUT_OF_RANGE for a stored integer outside the
   *   safe range
   */
  load(): T | undefined {
    return this.#layer.open()?.loadHead() ? this.#loaded() : undefined
  }

  /**
   * The value that was stored under an id.
   *
   * @returns undefined if it was overwritten or reset away, or if the id is of another type
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for a value that is not a NetId64; ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_CORRUPT; RangeError ERR_ORBIT_OUT_OF_RANGE for a stored integer outside the safe range
   */
  loadById(id: NetId64): T | undefined {
    if (!(id instanceof NetId64)) throw wrongType('id', id, 'a NetId64')
    const ring = this.#layer.fleet.ring(this.#type)
    return id.kind === ring?.kind && ring.loadId(id) ? this.#loaded() : undefined
  }

  /**
   * The newest value of each living member that has published one, by its node, in ascending order. A value stays until
   * its member publishes another, leaves or dies, however many values the others publish.
   *
   * @returns empty if no living member has published a value, and after a reset
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT; RangeError ERR_ORBIT_OUT_OF_RANGE for a stored integer outside the
   *   safe range
   */
  loadPerNode(): Map<number, T> {
    const ring = this.#layer.open()
    const newest = new Map<number, T>()
    for (let from = 0; ring?.loadLatest(from); ) {
      const node = loadedNode()
      newest.set(node, this.#loaded())
      from = node + 1
    }
    return newest
  }

  /**
   * Yields the newest value, if there is one, and then each newer one. A slow loop body skips the values in between.
   * The iteration keeps the process alive unless `keepAlive` is false. It ends when the signal is aborted or the fleet
   * is closed.
   *
   * @throws TypeError or RangeError for wrong options; ERR_ORBIT_CLOSED before the first value, ERR_ORBIT_RETIRED,
   *   ERR_ORBIT_CORRUPT
   */
  watch(options: WatchOptions = {}): AsyncGenerator<T, void, undefined> {
    checkOptions('options', options, ['signal', 'spin', 'keepAlive'])
    const ring = this.#layer.fleet.ring(this.#type)
    const newest = ring === undefined ? 0 : Math.max(ring.oldest(), ring.head() - 1)
    return this.#values(this.#layer.fleet.cursor(this.#type, newest).iterate(options))
  }

  async *#values(polls: AsyncIterable<Poll>): AsyncGenerator<T, void, undefined> {
    for await (const { frames } of polls) {
      const newest = frames.at(-1)
      if (newest !== undefined) yield this.#decode(newest.payload)
    }
  }

  #loaded(): T {
    const length = loadedLength()
    if (length !== this.#pod.byteLength) this.#fit(length)
    // The only value that can be returned: V8 then need not make it for a caller that takes its fields and drops it.
    return this.#pod.read(scratch.view, payloadOffset)
  }

  /** Lets a loaded frame of a pod with fewer or more fields be read as one of this pod: those it lacks are 0. */
  #fit(length: number): void {
    if (!this.#pod.accepts(length)) this.#refuseLength(length)
    scratch.bytes.fill(0, payloadOffset + length, payloadOffset + this.#pod.byteLength)
  }

  /** Decodes a frame of this pod, or of one that another release of the application brings. */
  #decode(bytes: Uint8Array): T {
    if (!this.#pod.accepts(bytes.length)) this.#refuseLength(bytes.length)
    return this.#pod.decode(bytes)
  }

  #refuseLength(length: number): never {
    throw new OrbitError(
      'ERR_ORBIT_CORRUPT',
      `${this.#layer.what}: a frame of ${length} bytes must have byteLength=${this.#pod.byteLength}`,
    )
  }
}
