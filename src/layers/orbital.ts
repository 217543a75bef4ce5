import { checkOptions, shown } from '../base/check.js'
import { OrbitError, typeError } from '../base/errors.js'
import { NetId64 } from '../base/netid.js'
import type { IterateOptions } from '../core/cursor.js'
import type { Fleet } from '../core/fleet.js'
import { Layer } from '../core/layer.js'
import type { FleetObserver } from '../core/observer.js'
import { type Poll, pollRing } from '../core/poll.js'
import type { Ring } from '../core/ring.js'
import { loadedLength, payloadOffset, scratch } from '../core/scratch.js'
import type { OrbitType } from '../core/type.js'
import type { Pod } from '../pod/pod.js'

/** As for `Cursor.iterate`. */
export type WatchOptions = Pick<IterateOptions, 'signal' | 'spin'>

/**
 * A value of one type that the whole fleet shares: `store` publishes a new one, `load` reads the newest. Its history is
 * the ring of the type; handles of one type on one fleet share it.
 */
export class Orbital<T> {
  readonly #layer: Layer<Ring>
  readonly #type: OrbitType<T>
  readonly #layout: Pod<T>
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #isEncoding = false

  /**
   * @param type one with a layout
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT; ERR_ORBIT_TYPE_MISMATCH and what else opening the ring throws
   */
  constructor(fleet: Fleet | FleetObserver, type: OrbitType<T>) {
    if (type?.pod === undefined) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `type=${shown(type?.name)} has no layout`)
    }
    this.#type = type
    this.#layout = type.pod
    const buffer = new ArrayBuffer(type.pod.byteLength)
    this.#bytes = new Uint8Array(buffer)
    this.#view = new DataView(buffer)
    this.#layer = new Layer(fleet, type, () => fleet.ring(type))
  }

  /**
   * Publishes a value; from now on `load` gives it, or a newer one, in every process.
   *
   * @throws TypeError or RangeError for a value that does not fit the layout; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_READ_ONLY for an observer
   */
  store(value: T): NetId64 {
    const ring = this.#layer.writable()
    return this.#layer.idAt(ring.publish(this.#encode(value), undefined))
  }

  /**
   * The newest value of the fleet, current at some instant during the call.
   *
   * @returns undefined before the first store, and after a reset
   * @throws ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT, RangeError ERR_ORBIT_OUT_OF_RANGE as `Pod.read`
   */
  load(): T | undefined {
    return this.#layer.open()?.loadHead() ? this.#loaded() : undefined
  }

  /**
   * The value that `store` gave this id to.
   *
   * @returns undefined when it was overwritten or reset away, or is no id of this type
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for what is no NetId64; as load
   */
  loadById(id: NetId64): T | undefined {
    if (!(id instanceof NetId64)) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `id=${shown(id)} is not a NetId64`)
    const ring = this.#layer.fleet.ring(this.#type)
    return id.kind === this.#type.kind && ring?.loadId(id) ? this.#loaded() : undefined
  }

  /**
   * The newest retained value of each node, by node, also of nodes that died or left.
   *
   * @returns a node whose values were all overwritten by others is missing; empty when nobody has one
   * @throws as load
   */
  loadPerNode(): Map<number, T> {
    const ring = this.#layer.open()
    const newest = new Map<number, Uint8Array>()
    const head = ring?.head() ?? 0
    for (let position = ring?.oldest() ?? 0; ring !== undefined && position < head; ) {
      const { frames, to } = pollRing(ring, position, ring.capacity)
      for (const frame of frames) newest.set(frame.node, frame.payload)
      if (to === position) break // foreign bytes
      position = to
    }
    return new Map([...newest].sort(([a], [b]) => a - b).map(([node, bytes]) => [node, this.#decode(bytes)]))
  }

  /**
   * Yields the newest value, if there is one, and then each newer one; a slow body skips what came in between. Ends when
   * the signal is aborted or the fleet closed, and keeps the process alive until then.
   *
   * @throws what opening the ring and `load` throw but for ERR_ORBIT_CLOSED
   */
  watch(options: WatchOptions = {}): AsyncGenerator<T, void, undefined> {
    checkOptions('options', options, ['signal', 'spin'])
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

  /** Into this handle's own buffer, but for a value whose getters store another one meanwhile. */
  #encode(value: T): Uint8Array {
    if (this.#isEncoding) return this.#layout.encode(value)
    this.#isEncoding = true
    try {
      this.#layout.write(this.#view, 0, value)
    } finally {
      this.#isEncoding = false
    }
    return this.#bytes
  }

  #loaded(): T {
    if (loadedLength() !== this.#layout.byteLength) this.#refuseLength(loadedLength())
    return this.#layout.read(scratch.view, payloadOffset)
  }

  #decode(bytes: Uint8Array): T {
    if (bytes.length !== this.#layout.byteLength) this.#refuseLength(bytes.length)
    return this.#layout.decode(bytes)
  }

  #refuseLength(length: number): never {
    throw new OrbitError(
      'ERR_ORBIT_CORRUPT',
      `${this.#type.name}: a frame of ${length} bytes is not a value of byteLength=${this.#layout.byteLength}`,
    )
  }
}
