import { isUint8Array } from 'node:util/types'
import { Bell } from './bell.js'
import { checkFlag, checkInteger, checkOptions, shown } from './check.js'
import { monotonicMs } from './clock.js'
import { Cursor } from './cursor.js'
import { OrbitError, rangeError, typeError } from './errors.js'
import { guarded, layout, type NativeBeat, type NativeFleet, native } from './native.js'
import { NetId64, netIdAt } from './netid.js'
import { type Frame, lengthOf, loadedFrame, type PublishOptions, Ring, type RingStats } from './ring.js'
import { type AnyOrbitType, checkType, reservedType } from './typed.js'

export interface JoinOptions {
  /** Nodes in the fleet, 1..65536; default that of the fleet that exists, else 64. */
  size?: number
  /** The node to take, 0..size-1; default the first free one. */
  node?: number
  /** Shown by `nodes()` and the inspector, cut to 32 bytes; default the process title. */
  label?: string
}

export interface JoinShmOptions extends JoinOptions {
  /**
   * 'persistent' (default): the objects outlive their processes. 'fleet': this member removes them if it is the last out,
   * by close(), by the end of its process or worker thread, or by process.exit(); one that is killed removes nothing.
   */
  lifetime?: 'persistent' | 'fleet'
}

export interface RemoveOptions {
  /** Only the ring of this KIND, 0..255. */
  kind?: number
  /** Also under living members, whose next publish then fails with ERR_ORBIT_RETIRED; also damaged objects. */
  force?: boolean
}

/** One beat of a member's heart, as FleetHeartbeat made it. */
export interface Heartbeat {
  /** How many beats the member has made, this one included. */
  readonly count: number
  /** How long ago it was, in whole milliseconds of the monotonic clock; 0 or more. */
  readonly ageMs: number
  /** Unix time of the beat, by the member's clock: for people. */
  readonly unixMs: number
  /** How late its timer fired, in milliseconds, 0 or more: how long the member's event loop was busy. */
  readonly loopDelayMs: number
  /** What the member said of itself, at most 64 bytes of UTF-8. */
  readonly status: string
}

/** One member: alive, or dead with nobody in its place yet. Who left by `close()` has no record. */
export interface NodeRecord {
  /** 0..size-1. */
  readonly node: number
  /** In the member's own pid namespace: for people, never for deciding who lives. */
  readonly pid: number
  /** At most 32 bytes of UTF-8. */
  readonly label: string
  /** The kernel's word. */
  readonly alive: boolean
  /** Unix time. */
  readonly joinedAtMs: number
  /** Unix time at which its process or worker thread began. */
  readonly startedAtMs: number
  /** How many members have held the node, this one included. */
  readonly incarnation: number
  /** Its last beat; absent when it has made none. */
  readonly heartbeat?: Heartbeat
}

interface Geometry {
  readonly capacity: number
  readonly payloadBytes: number
}

interface LayerRing {
  readonly name: string
  readonly kind: number
  readonly capacity?: number | undefined
  readonly payloadBytes?: number | undefined
}

const namePattern = /^[A-Za-z0-9._-]{1,64}$/

function checkFleetName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `name=${shown(name)} is not a string`)
  if (!namePattern.test(name)) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `name=${shown(name)} is not 1..64 of letters, digits, ".", "_", "-"`)
  }
}

function heartbeatOf({ count, unixMs, monotonicMs, loopDelayUs, status }: NativeBeat, nowMs: number): Heartbeat {
  const ageMs = Math.max(0, Math.floor(nowMs) - monotonicMs)
  return { count, ageMs, unixMs, loopDelayMs: loopDelayUs / 1000, status }
}

/** A fleet handle that is dropped without close() gives its node back when it is collected. */
const abandoned = new FinalizationRegistry<{ handle: number; bell: Bell }>(({ handle, bell }) => {
  bell.close()
  native.close(handle)
})

/** The reading half of a fleet. */
export class FleetObserver implements Disposable {
  readonly name: string
  /** How many nodes the fleet has. */
  readonly size: number
  /** False for a process-local fleet. */
  readonly isShared: boolean
  readonly #handle: number
  /** By KIND: the ring that was used last, with its type. */
  readonly #rings: (Ring | undefined)[] = new Array(layout.maxKind + 1).fill(undefined)
  readonly #opened: Ring[] = []
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
    checkFleetName(name)
    return new FleetObserver(
      name,
      guarded(() => native.observe(name)),
      true,
    )
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The addon's handle, for setup calls. @internal */
  get handle(): number {
    return this.#handle
  }

  /**
   * The ring of a type, opened (and by a member created) at its first use. Undefined: not there yet, for an observer.
   * @internal
   */
  ring(type: AnyOrbitType): Ring | undefined {
    const ring = this.#rings[type?.kind]
    return ring !== undefined && ring.type === type ? ring : this.#open(type)
  }

  #open(type: AnyOrbitType): Ring | undefined {
    this.checkOpen()
    checkType(type)
    const { kind, capacity, payloadBytes, fingerprint, name } = type
    const exactBytes = type.layout?.byteLength ?? -1
    const known = this.#opened.find((ring) => ring.type === type)
    if (known !== undefined) return this.#use(known)
    const spec = { kind, capacity, payloadBytes, exactBytes, fingerprint, name, schema: type.layout?.schema ?? '' }
    const handle = guarded(() => native.openRing(this.#handle, spec))
    return handle === undefined ? undefined : this.#keep(new Ring(this, handle, type))
  }

  /**
   * The ring of one of orbit's own layers: what is not asked for is as in the ring that exists, else as in `fallback`.
   * @internal
   */
  layerRing(layer: LayerRing, fallback: Geometry): Ring | undefined {
    this.checkOpen()
    const { name, kind } = layer
    const there = this.existing(kind)
    const capacity = layer.capacity ?? there?.capacity ?? fallback.capacity
    const payloadBytes = layer.payloadBytes ?? there?.payloadBytes ?? fallback.payloadBytes
    // Once for all handles of a layer: each type that is made keeps a Ring.
    const isSame = there?.capacity === capacity && there.payloadBytes === payloadBytes
    if (isSame && there.type !== undefined) return there
    const type = reservedType({ name, kind, capacity, payloadBytes })
    try {
      return this.ring(type)
    } catch (error) {
      // Did somebody make it between our look and our try?
      if (there !== undefined || this.closed || this.existing(kind) === undefined) throw error
      return this.layerRing(layer, fallback)
    }
  }

  /** The ring of a KIND, whatever its type; undefined: not there. @internal */
  existing(kind: number): Ring | undefined {
    this.checkOpen()
    const known = this.#rings[kind]
    if (known !== undefined) return known
    const handle = guarded(() => native.openExistingRing(this.#handle, kind))
    return handle === undefined ? undefined : this.#keep(new Ring(this, handle, undefined))
  }

  #keep(ring: Ring): Ring {
    this.#opened.push(ring)
    return this.#use(ring)
  }

  #use(ring: Ring): Ring {
    this.#rings[ring.kind] = ring
    return ring
  }

  /** @internal */
  checkOpen(): void {
    if (this.#closed) throw new OrbitError('ERR_ORBIT_CLOSED', `fleet ${this.name}: the fleet handle was closed`)
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
    const ring = this.existing(id.kind)
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

  /** The frame at a position, 0..2^53-2; undefined when it was overwritten or is not published yet. */
  readAt(type: AnyOrbitType, position: number): Frame | undefined {
    checkInteger('position', position, 0, layout.maxPosition)
    const ring = this.ring(type)
    return ring?.loadAt(position) ? loadedFrame(ring) : undefined
  }

  /** The next position to be published; by the time you have it, it can be late. */
  head(type: AnyOrbitType): number {
    return this.ring(type)?.head() ?? 0
  }

  /**
   * A cursor into the ring of a type.
   *
   * @param from 'start' (default): all that is retained; 'head': only what comes; or a position
   */
  cursor(type: AnyOrbitType, from: 'start' | 'head' | number = 'start'): Cursor {
    return this.cursorOf(() => this.ring(type), from)
  }

  /** A cursor into whatever ring `resolve` leads to. @internal */
  cursorOf(resolve: () => Ring | undefined, from: 'start' | 'head' | number): Cursor {
    const ring = resolve()
    if (typeof from === 'number') checkInteger('from', from, 0, layout.maxPosition)
    else if (from !== 'start' && from !== 'head') {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `from=${shown(from)} is not 'start', 'head' or a position`)
    }
    const position = typeof from === 'number' ? from : from === 'start' ? ring?.oldest() : ring?.head()
    return new Cursor(resolve, this.bell, position ?? 0)
  }

  /** Geometry and counters of the ring of a type; undefined for an observer when it is not there yet. */
  stats(type: AnyOrbitType): RingStats | undefined {
    return this.ring(type)?.stats()
  }

  /** The living members, and the dead whose node nobody has taken yet, by node. */
  nodes(): NodeRecord[] {
    this.checkOpen()
    const nodes = guarded(() => native.nodes(this.#handle))
    const nowMs = monotonicMs() // after the last beat that was read
    return nodes.map(({ beat, ...record }) =>
      beat === undefined ? record : { ...record, heartbeat: heartbeatOf(beat, nowMs) },
    )
  }

  /** Writes this member's next beat. @internal */
  writeBeat(loopDelayMs: number, status: Uint8Array): void {
    this.checkOpen()
    guarded(() => native.beat(this.#handle, monotonicMs(), Date.now(), loopDelayMs * 1000, status))
  }

  /** Does nobody hold this node? The kernel's word, exact also just after a SIGKILL. */
  isDead(node: number): boolean {
    checkInteger('node', node, 0, this.size - 1)
    this.checkOpen()
    return guarded(() => native.isDead(this.#handle, node))
  }

  /** Leaves. Idempotent; every later use of this handle, its rings and cursors fails with ERR_ORBIT_CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    abandoned.unregister(this)
    this.bell.close()
    for (const ring of this.#opened) ring.close()
    this.#rings.fill(undefined)
    guarded(() => native.close(this.#handle))
  }

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

/**
 * One process's (or worker thread's) membership in a fleet: a node of its own, and the right to publish. Cheap to read
 * from and to write to, not so cheap to make: join once, and keep it.
 */
export class Fleet extends FleetObserver {
  /** This member's id, 0..size-1; nobody else holds it while this handle is open. */
  readonly node: number

  /** How many members have held this node, this one included: 1 for the first. */
  readonly incarnation: number

  private constructor(name: string, joined: NativeFleet, isShared: boolean) {
    super(name, joined, isShared)
    this.node = joined.node
    this.incarnation = joined.incarnation
  }

  /**
   * Joins a process-local fleet: the same rings in private memory, shared by the handles and worker threads of this
   * process that use this name, gone with the last of them.
   *
   * @throws as joinShm, but for what only shared memory can do
   */
  static join(name: string, options: JoinOptions = {}): Fleet {
    checkOptions('options', options, ['size', 'node', 'label'])
    return Fleet.#join(name, options, false)
  }

  /**
   * Joins the fleet of this name on this host and user, and makes it when there is none.
   *
   * @throws ERR_ORBIT_NODE_TAKEN, ERR_ORBIT_FLEET_FULL, ERR_ORBIT_TYPE_MISMATCH (another size), ERR_ORBIT_NO_SPACE,
   *   ERR_ORBIT_PERMISSION, ERR_ORBIT_LAYOUT_MISMATCH, ERR_ORBIT_CORRUPT, ERR_ORBIT_BUSY, ERR_ORBIT_NO_SPARE
   */
  static joinShm(name: string, options: JoinShmOptions = {}): Fleet {
    checkOptions('options', options, ['size', 'node', 'label', 'lifetime'])
    return Fleet.#join(name, options, true)
  }

  static #join(name: string, options: JoinShmOptions, isShared: boolean): Fleet {
    checkFleetName(name)
    const { size, node, label = process.title, lifetime = 'persistent' } = options
    if (size !== undefined) checkInteger('size', size, 1, layout.maxFleetSize)
    if (node !== undefined) checkInteger('node', node, 0, (size ?? layout.maxFleetSize) - 1)
    if (typeof label !== 'string')
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `label=${shown(label)} is not a string`)
    if (lifetime !== 'persistent' && lifetime !== 'fleet') {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `lifetime=${shown(lifetime)} is not 'persistent' or 'fleet'`)
    }
    const joined = guarded(() =>
      native.join({
        name,
        isShared,
        size: size ?? 0,
        node: node ?? -1,
        label: cutUtf8(label, layout.labelBytes),
        startedAtMs: Math.round(performance.timeOrigin),
        removeWhenLast: lifetime === 'fleet',
      }),
    )
    return new Fleet(name, joined, isShared)
  }

  /**
   * Looks into a fleet without joining it: maps read-only, takes no node, creates nothing, works on dead fleets too. A
   * ring that nobody has created yet reads as empty.
   *
   * @throws ERR_ORBIT_NOT_FOUND, ERR_ORBIT_PERMISSION, ERR_ORBIT_LAYOUT_MISMATCH, ERR_ORBIT_CORRUPT
   */
  static observe(name: string): FleetObserver {
    return FleetObserver.open(name)
  }

  /**
   * Removes a fleet's objects, or one ring.
   *
   * @returns the names removed; empty when there was nothing
   * @throws ERR_ORBIT_IN_USE when members live, unless forced; ERR_ORBIT_BUSY, ERR_ORBIT_PERMISSION
   */
  static remove(name: string, options: RemoveOptions = {}): string[] {
    checkFleetName(name)
    checkOptions('options', options, ['kind', 'force'])
    checkFlag('force', options.force)
    if (options.kind !== undefined) checkInteger('kind', options.kind, 0, layout.maxKind)
    return guarded(() => native.remove(name, options.kind ?? -1, options.force === true))
  }

  /** The ring of a type, created at its first use. @internal */
  override ring(type: AnyOrbitType): Ring {
    return super.ring(type) as Ring
  }

  /**
   * Publishes one frame; all who read the ring see it from now on. Never waits for anybody.
   *
   * @param payload at most payloadBytes; exactly byteLength when the type has a layout
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE before anything is reserved; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED
   */
  publish(type: AnyOrbitType, payload: Uint8Array, options?: PublishOptions): NetId64 {
    const position = this.ring(type).publish(payload, options)
    return netIdAt(type.kind, this.node, position)
  }

  /**
   * Publishes several frames in order, in one call. Their ids are consecutive when nobody else writes meanwhile.
   *
   * @throws as publish; a payload that does not fit is found before the first is published
   */
  publishBatch(type: AnyOrbitType, payloads: readonly Uint8Array[], options?: PublishOptions): NetId64[] {
    if (!Array.isArray(payloads)) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `payloads=${shown(payloads)} is not an array`)
    }
    return this.ring(type).publishBatch(this.node, payloads, options)
  }

  /**
   * Publishes records of one size that stand back to back, one frame each: the cheapest way to publish many.
   *
   * @param records a whole number of records of the layout's byteLength, or of payloadBytes without a layout
   * @returns how many were published
   * @throws as publish
   */
  publishPacked(type: AnyOrbitType, records: Uint8Array, options?: PublishOptions): number {
    const ring = this.ring(type)
    const recordBytes = type.layout?.byteLength ?? type.payloadBytes
    if (!isUint8Array(records)) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `records=${shown(records)} is not a Uint8Array`)
    }
    const length = lengthOf(records)
    if (recordBytes === 0 ? length !== 0 : length % recordBytes !== 0) {
      throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `records of ${length} bytes are not whole ones of ${recordBytes}`)
    }
    return ring.publishPacked(records, recordBytes, options)
  }

  /** Makes all that the ring holds read as overwritten, for everybody. Positions and ids go on; nothing is zeroed. */
  resetRing(type: AnyOrbitType): void {
    this.ring(type).reset()
  }
}

/** The longest prefix of whole characters within `maxBytes` of UTF-8. */
function cutUtf8(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}
