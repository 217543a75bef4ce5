import { checkInteger, shown } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { rangeError, typeError } from '../base/errors.js'
import { NetId64 } from '../base/netid.js'
import { Bell } from './bell.js'
import { Cursor } from './cursor.js'
import { type Frame, loadedFrame } from './frame.js'
import { closedError, type Handle, type HandleClass } from './handle.js'
import { abi, checkNative, type NativeFleet, native, translated } from './native.js'
import { heartbeatOf, type NodeRecord } from './node.js'
import { Ring, type RingStats } from './ring.js'
import { Table } from './table.js'
import { type AnyOrbitType, checkType } from './type.js'

const namePattern = /^[A-Za-z0-9._-]{1,64}$/

export function checkFleetName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `name=${shown(name)} is not a string`)
  if (!namePattern.test(name)) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `name=${shown(name)} is not 1..64 of letters, digits, ".", "_", "-"`)
  }
}

/** A fleet handle that is dropped without close() gives its node back when it is collected. */
const abandoned = new FinalizationRegistry<{ handle: number; bell: Bell }>(({ handle, bell }) => {
  bell.close()
  native.close(handle)
})

/** The reading half of a fleet: what a member has too, and all that `Fleet.observe` gives. */
export class FleetObserver implements Disposable {
  /** 1..64 of letters, digits, '.', '_' and '-'. */
  readonly name: string
  /** How many nodes the fleet has. */
  readonly size: number
  /** False for a process-local fleet. */
  readonly isShared: boolean
  readonly #handle: number
  /** By KIND: the ring or table that was used last. */
  readonly #latest: (Handle | undefined)[] = new Array(abi.maxKind + 1).fill(undefined)
  readonly #opened: Handle[] = []
  /** Where its cursors and claims sleep. @internal */
  readonly bell: Bell
  #closed = false

  /** @internal */
  protected constructor(name: string, joined: NativeFleet, isShared: boolean) {
    this.name = name
    this.size = joined.size
    this.isShared = isShared
    this.#handle = joined.handle
    this.bell = new Bell(joined.handle)
    abandoned.register(this, { handle: joined.handle, bell: this.bell }, this)
  }

  /** @internal */
  static open(name: string): FleetObserver {
    checkNative()
    checkFleetName(name)
    return new FleetObserver(
      name,
      translated(() => native.observe(name)),
      true,
    )
  }

  /** Was this handle closed? Nothing else closes it. */
  get closed(): boolean {
    return this.#closed
  }

  /** The addon's handle, for setup calls. @internal */
  get handle(): number {
    return this.#handle
  }

  /** Whether this handle is a member and may write; false for an observer. @internal */
  get isMember(): boolean {
    return false
  }

  /**
   * The ring of a type, opened at its first use, and created if this is a member.
   *
   * @returns undefined for an observer while no member has created it
   * @internal
   */
  ring(type: AnyOrbitType): Ring | undefined {
    const handle = this.#latest[type?.kind]
    // A type is either that of a ring or that of a table.
    return handle !== undefined && handle.type === type ? (handle as Ring) : this.open(type, Ring)
  }

  /**
   * The ring or table of a type, opened at its first use, and created if this is a member.
   *
   * @returns undefined for an observer while no member has created it
   * @internal
   */
  open<H extends Handle>(type: AnyOrbitType, form: HandleClass<H>): H | undefined {
    this.checkOpen()
    checkType(type)
    const { kind, capacity, payloadBytes, fingerprint, name } = type
    const known = this.#opened.find((handle) => handle.type === type)
    if (known instanceof form) return this.#use(known)
    const { byteLength: exactBytes = -1, schema = '' } = type.pod ?? {}
    const spec = { isTable: form.isTable, kind, capacity, payloadBytes, exactBytes, fingerprint, name, schema }
    const handle = translated(() => native.openRing(this.#handle, spec))
    return handle === undefined ? undefined : this.#keep(new form(this, handle, type))
  }

  /** The ring or table of a KIND, of any type; undefined: there is none. @internal */
  existing(kind: number): Handle | undefined {
    this.checkOpen()
    const known = this.#latest[kind]
    if (known !== undefined) return known
    return translated(() => {
      const handle = native.openExistingRing(this.#handle, kind)
      if (handle === undefined) return undefined
      const form = native.inspectRing(handle).isTable ? Table : Ring
      return this.#keep<Handle>(new form(this, handle, undefined))
    })
  }

  /** The ring of a KIND, of any type; undefined: there is none, or it is a table. @internal */
  existingRing(kind: number): Ring | undefined {
    const handle = this.existing(kind)
    return handle instanceof Ring ? handle : undefined
  }

  #keep<H extends Handle>(handle: H): H {
    this.#opened.push(handle)
    return this.#use(handle)
  }

  #use<H extends Handle>(handle: H): H {
    this.#latest[handle.kind] = handle
    return handle
  }

  /** @internal */
  checkOpen(): void {
    if (this.#closed) throw closedError(`fleet ${this.name}`)
  }

  /**
   * The frame with this id, whatever its type.
   *
   * @returns undefined when it was overwritten or reset away, or never was
   * @throws ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED
   */
  read(id: NetId64): Frame | undefined {
    if (!(id instanceof NetId64)) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `id=${shown(id)} is not a NetId64`)
    this.checkOpen()
    const ring = this.existingRing(id.kind)
    return ring?.loadId(id) ? loadedFrame(ring) : undefined
  }

  /**
   * The newest frame, current at some instant during the call.
   *
   * @returns undefined when the ring is empty or was reset since
   * @throws ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED
   */
  readHead(type: AnyOrbitType): Frame | undefined {
    const ring = this.ring(type)
    return ring?.loadHead() ? loadedFrame(ring) : undefined
  }

  /**
   * The frame at a position.
   *
   * @param position 0..2^53-2
   * @returns undefined when it was overwritten or reset away, or is not published yet
   * @throws as readHead; RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  readAt(type: AnyOrbitType, position: number): Frame | undefined {
    checkInteger('position', position, 0, abi.maxPosition)
    const ring = this.ring(type)
    return ring?.loadAt(position) ? loadedFrame(ring) : undefined
  }

  /**
   * The next position to be published; by the time you have it, it can be late.
   *
   * @returns 0 when nothing was published yet, or an observer finds no ring
   * @throws as readHead
   */
  head(type: AnyOrbitType): number {
    return this.ring(type)?.head() ?? 0
  }

  /**
   * A cursor into the ring of a type.
   *
   * @param from 'start' (default): all that is retained; 'head': only what comes; or a position, 0..2^53-2
   * @throws as readHead; TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE for another `from`
   */
  cursor(type: AnyOrbitType, from: 'start' | 'head' | number = 'start'): Cursor {
    return this.cursorOf(() => this.ring(type), from)
  }

  /** A cursor into whatever ring `resolve` leads to. @internal */
  cursorOf(resolve: () => Ring | undefined, from: 'start' | 'head' | number): Cursor {
    const ring = resolve()
    if (typeof from === 'number') checkInteger('from', from, 0, abi.maxPosition)
    else if (from !== 'start' && from !== 'head') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `from=${shown(from)} is not 'start', 'head' or a position`)
    }
    const position = typeof from === 'number' ? from : from === 'start' ? ring?.oldest() : ring?.head()
    return new Cursor(resolve, this.bell, position ?? 0)
  }

  /**
   * Geometry and counters of the ring of a type.
   *
   * @returns undefined for an observer when the ring is not there yet
   * @throws as readHead
   */
  stats(type: AnyOrbitType): RingStats | undefined {
    return this.ring(type)?.stats()
  }

  /**
   * The living members, and the dead whose node nobody has taken yet, by node.
   *
   * @throws ERR_ORBIT_CLOSED
   */
  nodes(): NodeRecord[] {
    this.checkOpen()
    const nodes = translated(() => native.nodes(this.#handle))
    const nowMs = monotonicMs() // after the last beat that was read
    return nodes.map(({ beat, ...record }) =>
      beat === undefined ? record : { ...record, heartbeat: heartbeatOf(beat, nowMs) },
    )
  }

  /**
   * Does nobody hold this node? The kernel's word, exact also just after a SIGKILL.
   *
   * @param node 0..size-1
   * @throws RangeError ERR_ORBIT_OUT_OF_RANGE; ERR_ORBIT_CLOSED
   */
  isDead(node: number): boolean {
    checkInteger('node', node, 0, this.size - 1)
    this.checkOpen()
    return translated(() => native.isDead(this.#handle, node))
  }

  /** Leaves. Idempotent; every later use of this handle, its rings and cursors fails with ERR_ORBIT_CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    abandoned.unregister(this)
    this.bell.close()
    for (const handle of this.#opened) handle.close()
    this.#latest.fill(undefined)
    translated(() => native.close(this.#handle))
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/** Throws unless it is a fleet, joined or observed. @internal */
export function checkFleet(fleet: unknown): asserts fleet is FleetObserver {
  if (!(fleet instanceof FleetObserver)) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `fleet=${shown(fleet)} is not a Fleet`)
  }
}
