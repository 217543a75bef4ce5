import { checkInteger, wrongType } from '../base/check.js'
import { rangeError } from '../base/errors.js'
import { NetId64 } from '../base/netid.js'
import { Bell } from './bell.js'
import { Boxes } from './boxes.js'
import { clockMs } from './clock.js'
import { CounterTable } from './counters.js'
import { Cursor } from './cursor.js'
import { checkFleetName } from './fleetname.js'
import { type Frame, loadedFrame, loadedFrameIn } from './frame.js'
import { closedError, type Handle, type HandleClass, type Opening } from './handle.js'
import { MemberWatch } from './memberwatch.js'
import { abi, checkNative, type NativeFleet, native, translated } from './native.js'
import { heartbeatOf, type NodeRecord } from './node.js'
import { checkWatchNodes, type NodeChange, nodeChanges, type WatchNodesOptions } from './nodewatch.js'
import { Ring, type RingStats } from './ring.js'
import { releaseShare } from './share.js'
import { placeFor } from './slab.js'
import { Table } from './table.js'
import { type AnyOrbitType, checkType, nativePod, type ValueOf } from './type.js'

/** What a handle has open, without the handle itself. */
interface Resources {
  readonly handle: number
  readonly bell: Bell
  readonly watch: MemberWatch | undefined
}

/** A fleet handle that is garbage-collected without close() gives its node back. */
const abandoned = new FinalizationRegistry<Resources>(({ handle, bell, watch }) => {
  watch?.end()
  bell.close()
  native.close(handle)
})

/** A fleet opened for reading: what `Fleet.observe` returns, and what every member can do too. */
export class FleetObserver implements Disposable {
  /** The name of the fleet: 1..64 of letters, digits, '.', '_' and '-'. */
  readonly name: string
  /**
   * The identity of the fleet: "0x" and 16 hexadecimal digits, chosen at random when the fleet was made. A fleet that
   * is made anew under the same name has another one, so positions and ids that were kept for the old one are of no
   * use.
   */
  readonly id: string
  /** The number of nodes of the fleet, 1..65536. */
  readonly size: number
  /** Whether the fleet is in shared memory; false for a fleet inside this process. */
  readonly isShared: boolean
  readonly #handle: number
  /** By KIND: the ring or table that was used last. */
  readonly #latest: (Handle | undefined)[] = new Array(abi.maxKind + 1).fill(undefined)
  readonly #opened: Handle[] = []
  /** The KINDs of types that have none of their own. */
  readonly #kinds = new Map<AnyOrbitType, number>()
  /** Where the cursors and claims of this handle sleep. @internal */
  readonly bell: Bell
  readonly #watch: MemberWatch | undefined
  #closed = false
  #orphaned = false

  /** @internal */
  protected constructor(name: string, joined: NativeFleet, isShared: boolean) {
    this.name = name
    this.id = joined.id
    this.size = joined.size
    this.isShared = isShared
    this.#handle = joined.handle
    this.bell = new Bell(joined.handle)
    this.#watch = this.isMember && isShared ? new MemberWatch(name, joined.handle) : undefined
    abandoned.register(this, { handle: joined.handle, bell: this.bell, watch: this.#watch }, this)
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

  /** Whether `close()` was called on this handle. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Whether the objects of this fleet were removed, by `Fleet.remove` with force or as files, while this handle was
   * open. The members that are left go on among themselves, and a process that joins then is in another fleet: close
   * this handle and join again. A member warns within a second (ORBIT_ORPHANED). After `close` it keeps its last
   * answer.
   */
  get orphaned(): boolean {
    if (!this.#closed) this.#orphaned ||= translated(() => native.isOrphaned(this.#handle))
    return this.#orphaned
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
    const kind = type?.kind ?? this.#kinds.get(type)
    const handle = kind === undefined ? undefined : this.#latest[kind]
    // A type is either that of a ring or that of a table.
    return handle !== undefined && handle.type === type ? (handle as Ring) : this.open(type, Ring)
  }

  /**
   * The ring or table of a type, opened at its first use, and created if this is a member.
   *
   * @returns undefined for an observer while no member has created it
   * @internal
   */
  open<H extends Handle>(type: AnyOrbitType, form: HandleClass<H>, more: Opening = {}): H | undefined {
    this.checkOpen()
    checkType(type)
    const { capacity, payloadBytes, fingerprint, name } = type
    const known = this.#opened.find((handle) => handle.type === type)
    if (known instanceof form) return this.#use(known)
    const kind = this.kindOf(type)
    if (kind === undefined) return undefined
    const pod = type.pod === undefined ? undefined : nativePod(type.pod)
    const spec = {
      isTable: form.isTable,
      hasCells: form.hasCells,
      kind,
      capacity,
      payloadBytes,
      fingerprint,
      name,
      pod,
      ...more,
    }
    const handle = translated(() => native.openRing(this.#handle, spec))
    return handle === undefined ? undefined : this.#keep(new form(this, handle, type))
  }

  /**
   * The KIND of a type in this fleet: its own, or the one that the fleet gives to its name.
   *
   * @returns undefined for an observer while no member has opened a type of this name
   * @internal
   */
  kindOf(type: AnyOrbitType): number | undefined {
    const known = type.kind ?? this.#kinds.get(type)
    if (known !== undefined) return known
    const kind = translated(() => native.namedKind(this.#handle, type.name))
    if (kind < 0) return undefined
    this.#kinds.set(type, kind)
    return kind
  }

  /** The ring or table of a KIND that this handle has opened with a type. @internal */
  opened(kind: number): Handle | undefined {
    this.checkOpen()
    return this.#opened.find((handle) => handle.kind === kind && handle.type !== undefined)
  }

  /** The ring or table of a KIND, of any type; undefined: there is none. @internal */
  existing(kind: number): Handle | undefined {
    this.checkOpen()
    const known = this.#latest[kind]
    if (known !== undefined) return known
    return translated(() => {
      const handle = native.openExistingRing(this.#handle, kind)
      if (handle === undefined) return undefined
      const { isTable, hasCells, boxes } = native.inspectRing(handle)
      const form = boxes > 0 ? Boxes : hasCells ? CounterTable : isTable ? Table : Ring
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
   * Reads the frame with an id, of any type.
   *
   * @returns undefined if it was overwritten or reset away, or never existed
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for a value that is not a NetId64; ERR_ORBIT_CORRUPT,
   *   ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED after the fleet or the ring was removed
   */
  read(id: NetId64): Frame | undefined {
    if (!(id instanceof NetId64)) throw wrongType('id', id, 'a NetId64')
    this.checkOpen()
    const ring = this.existingRing(id.kind)
    if (ring === undefined) return undefined
    const place = placeFor(ring.payloadBytes)
    return ring.loadId(id, place) ? loadedFrame(ring, place) : undefined
  }

  /**
   * Reads the newest frame of a type. It was the newest at some instant during the call.
   *
   * @returns undefined if the ring is empty, or was reset and nothing was published since
   * @throws ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED after the fleet or the ring was removed; on the
   *   first use of a type also ERR_ORBIT_TYPE_MISMATCH and, for a member that has to create the ring,
   *   ERR_ORBIT_OUT_OF_RANGE, ERR_ORBIT_NO_SPACE, ERR_ORBIT_PERMISSION, ERR_ORBIT_BUSY
   */
  readHead<Type extends AnyOrbitType>(type: Type): Frame<ValueOf<Type>> | undefined {
    const ring = this.ring(type)
    if (ring === undefined) return undefined
    const place = placeFor(ring.payloadBytes)
    return ring.loadHead(place) ? (loadedFrame(ring, place) as Frame<ValueOf<Type>>) : undefined
  }

  /**
   * Reads the newest frame of a type, as `readHead` does, and writes its payload to the beginning of an array of the
   * caller: it allocates no memory for it. The payload is a view of the array, so the next call overwrites it.
   *
   * @param target as many bytes as payloadBytes of the ring at least, 2^32-1 at most
   * @returns undefined if the ring is empty, or was reset and nothing was published since
   * @throws TypeError or RangeError for a wrong `target`; what `readHead` throws
   */
  readHeadInto<Type extends AnyOrbitType>(type: Type, target: Uint8Array): Frame<ValueOf<Type>> | undefined {
    const ring = this.ring(type)
    return ring?.loadHeadInto(target) ? (loadedFrameIn(ring, target) as Frame<ValueOf<Type>>) : undefined
  }

  /**
   * Reads the frame at a position.
   *
   * @param position 0..2^53-2
   * @returns undefined if it was overwritten or reset away, or is not published yet
   * @throws TypeError or RangeError for a wrong position; ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED
   *   after the fleet or the ring was removed; on the first use of a type also ERR_ORBIT_TYPE_MISMATCH and, for a
   *   member that has to create the ring, ERR_ORBIT_OUT_OF_RANGE, ERR_ORBIT_NO_SPACE, ERR_ORBIT_PERMISSION,
   *   ERR_ORBIT_BUSY
   */
  readAt<Type extends AnyOrbitType>(type: Type, position: number): Frame<ValueOf<Type>> | undefined {
    checkInteger('position', position, 0, abi.maxPosition)
    const ring = this.ring(type)
    if (ring === undefined) return undefined
    const place = placeFor(ring.payloadBytes)
    return ring.loadAt(position, place) ? (loadedFrame(ring, place) as Frame<ValueOf<Type>>) : undefined
  }

  /**
   * The next position to be published. It may be out of date when you use it.
   *
   * @returns 0 if nothing was published yet, or if an observer finds no ring
   * @throws ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED after the fleet or the ring was removed; on the
   *   first use of a type also ERR_ORBIT_TYPE_MISMATCH and, for a member that has to create the ring,
   *   ERR_ORBIT_OUT_OF_RANGE, ERR_ORBIT_NO_SPACE, ERR_ORBIT_PERMISSION, ERR_ORBIT_BUSY
   */
  head(type: AnyOrbitType): number {
    return this.ring(type)?.head() ?? 0
  }

  /**
   * Makes a cursor, which reads the frames of a type in order.
   *
   * @param from 'start' (default): all that is retained; 'head': only what comes; or a position from 0 up to the head
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE for another `from`. A position
   *   above the head belongs to an earlier fleet or ring: see `id`. ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED,
   *   ERR_ORBIT_RETIRED after the fleet or the ring was removed; on the first use of a type also
   *   ERR_ORBIT_TYPE_MISMATCH and, for a member that has to create the ring, ERR_ORBIT_NO_SPACE,
   *   ERR_ORBIT_PERMISSION, ERR_ORBIT_BUSY
   */
  cursor<Type extends AnyOrbitType>(type: Type, from: 'start' | 'head' | number = 'start'): Cursor<ValueOf<Type>> {
    return this.cursorOf<ValueOf<Type>>(() => this.ring(type), from)
  }

  /** A cursor over the ring that `resolve` returns. @internal */
  cursorOf<T>(resolve: () => Ring | undefined, from: 'start' | 'head' | number): Cursor<T> {
    const ring = resolve()
    if (typeof from === 'number') this.#checkPosition(from, ring?.head() ?? 0)
    else if (from !== 'start' && from !== 'head') {
      throw wrongType('from', from, "'start', 'head' or a position")
    }
    const position = typeof from === 'number' ? from : from === 'start' ? ring?.oldest() : ring?.head()
    return new Cursor<T>(resolve, this.bell, position ?? 0)
  }

  #checkPosition(from: number, head: number): void {
    checkInteger('from', from, 0, abi.maxPosition)
    if (from <= head) return
    throw rangeError(
      'ERR_ORBIT_OUT_OF_RANGE',
      `from=${from} is above head=${head}: the position belongs to an earlier fleet or ring; begin at 'start' or 'head', ` +
        `and keep fleet.id with a position (now ${this.id})`,
    )
  }

  /**
   * Geometry and counters of the ring of a type.
   *
   * @returns undefined for an observer while no member has created the ring
   * @throws ERR_ORBIT_CORRUPT, ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED after the fleet or the ring was removed; on the
   *   first use of a type also ERR_ORBIT_TYPE_MISMATCH and, for a member that has to create the ring,
   *   ERR_ORBIT_OUT_OF_RANGE, ERR_ORBIT_NO_SPACE, ERR_ORBIT_PERMISSION, ERR_ORBIT_BUSY
   */
  stats(type: AnyOrbitType): RingStats | undefined {
    return this.ring(type)?.stats()
  }

  /**
   * The nodes that are in use, in ascending order: those of living members, and those of members that died and were not
   * replaced yet.
   *
   * @returns empty for a fleet without members
   * @throws ERR_ORBIT_CLOSED
   */
  nodes(): NodeRecord[] {
    this.checkOpen()
    const nodes = translated(() => native.nodes(this.#handle))
    const nowMs = clockMs() // after the last beat that was read
    return nodes.map(({ beat, ...record }) =>
      beat === undefined ? record : { ...record, heartbeat: heartbeatOf(beat, nowMs) },
    )
  }

  /**
   * Yields 'joined' for each living member, this one included, in ascending order of the nodes, and then each change of
   * the membership, within about 50 ms. A member that joins and ends within that time may be missing. The iteration
   * keeps the process alive unless `keepAlive` is false. It ends when the signal is aborted or this handle is closed.
   *
   * @throws TypeError for wrong options; ERR_ORBIT_CLOSED
   */
  watchNodes(options: WatchNodesOptions = {}): AsyncGenerator<NodeChange, void, undefined> {
    checkWatchNodes(options)
    this.checkOpen()
    return nodeChanges(this, options)
  }

  /**
   * Whether no living member holds a node. The kernel decides, so the answer is exact right after a SIGKILL.
   *
   * @param node 0..size-1
   * @throws TypeError or RangeError for a wrong node; ERR_ORBIT_CLOSED
   */
  isDead(node: number): boolean {
    checkInteger('node', node, 0, this.size - 1)
    this.checkOpen()
    return translated(() => native.isDead(this.#handle, node))
  }

  /**
   * Leaves the fleet. Every later use of this handle, its rings and its cursors throws ERR_ORBIT_CLOSED. A second call
   * does nothing, except for a shared handle: it counts the calls, and leaves at the last of as many as there were
   * joins.
   */
  close(): void {
    if (this.#closed || !releaseShare(this)) return
    this.#closed = true
    abandoned.unregister(this)
    this.#watch?.end()
    this.bell.close()
    for (const handle of this.#opened) handle.close()
    this.#latest.fill(undefined)
    translated(() => native.close(this.#handle))
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/** Throws unless the value is a fleet, joined or observed. @internal */
export function checkFleet(fleet: unknown): asserts fleet is FleetObserver {
  if (!(fleet instanceof FleetObserver)) {
    throw wrongType('fleet', fleet, 'a Fleet')
  }
}
