import { performance } from 'node:perf_hooks'
import { TextEncoder } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { lengthOf } from '../base/bytes.js'
import { checkFlag, checkInteger, checkOptions, shown } from '../base/check.js'
import { monotonicMs } from '../base/clock.js'
import { rangeError, typeError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import { abi, checkNative, isSupported, type NativeFleet, native, translated } from './native.js'
import { checkFleetName, FleetObserver } from './observer.js'
import type { PublishOptions, Ring } from './ring.js'
import type { AnyOrbitType } from './type.js'

/** Which fleet is wanted, and which place in it. */
export interface JoinOptions {
  /** Nodes in the fleet, 1..65536; default that of the fleet that exists, else 64. */
  size?: number
  /** The node to take, 0..size-1; default the first free one. */
  node?: number
  /** Shown by `nodes()` and the inspector, cut to 32 bytes; default the process title. */
  label?: string
}

/** The same for shared memory, and what becomes of it. */
export interface JoinShmOptions extends JoinOptions {
  /**
   * 'persistent' (default): the objects outlive their processes. 'fleet': this member removes them if it is the last out,
   * by close(), by the end of its process or worker thread, or by process.exit(); one that is killed removes nothing.
   */
  lifetime?: 'persistent' | 'fleet'
}

/** What is to be removed, and from whom. */
export interface RemoveOptions {
  /** Only the ring of this KIND, 0..255. */
  kind?: number
  /** Also under living members, whose next publish then fails with ERR_ORBIT_RETIRED; also damaged objects. */
  force?: boolean
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
   * Whether this process can join and observe fleets: the native addon fits its platform and was loaded. Importing this
   * package never throws; without the addon, joining, observing and removing throw ERR_ORBIT_NATIVE.
   */
  static get isSupported(): boolean {
    return isSupported()
  }

  /**
   * Joins a process-local fleet: the same rings in private memory, shared by the handles and worker threads of this
   * process that use this name, gone with the last of them. One options object fits both joins: `lifetime` is accepted
   * here and has no effect.
   *
   * @throws as joinShm, but for what only shared memory can do
   */
  static join(name: string, options: JoinShmOptions = {}): Fleet {
    checkOptions('options', options, ['size', 'node', 'label', 'lifetime'])
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
    checkNative()
    checkFleetName(name)
    const { size, node, label = process.title, lifetime = 'persistent' } = options
    if (size !== undefined) checkInteger('size', size, 1, abi.maxFleetSize)
    if (node !== undefined) checkInteger('node', node, 0, (size ?? abi.maxFleetSize) - 1)
    if (typeof label !== 'string')
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `label=${shown(label)} is not a string`)
    if (lifetime !== 'persistent' && lifetime !== 'fleet') {
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `lifetime=${shown(lifetime)} is not 'persistent' or 'fleet'`)
    }
    const joined = translated(() =>
      native.join({
        name,
        isShared,
        size: size ?? 0,
        node: node ?? -1,
        label: cutUtf8(label, abi.labelBytes),
        startedAtMs: Math.round(performance.timeOrigin),
        removeWhenLast: isShared && lifetime === 'fleet',
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
    checkNative()
    checkFleetName(name)
    checkOptions('options', options, ['kind', 'force'])
    checkFlag('force', options.force)
    if (options.kind !== undefined) checkInteger('kind', options.kind, 0, abi.maxKind)
    return translated(() => native.remove(name, options.kind ?? -1, options.force === true))
  }

  /** @internal */
  override get isMember(): boolean {
    return true
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
    const positions = this.ring(type).publishBatch(payloads, options)
    return positions.map((position) => netIdAt(type.kind, this.node, position))
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
    const recordBytes = type.pod?.byteLength ?? type.payloadBytes
    if (!isUint8Array(records)) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `records=${shown(records)} is not a Uint8Array`)
    }
    const length = lengthOf(records)
    if (recordBytes === 0 ? length !== 0 : length % recordBytes !== 0) {
      throw rangeError(
        'ERR_ORBIT_PAYLOAD_SIZE',
        `records.length=${length} must be ${recordBytes === 0 ? 0 : `a multiple of ${recordBytes}`}`,
      )
    }
    return ring.publishPacked(records, recordBytes, options)
  }

  /**
   * Makes all that the ring holds read as overwritten, for everybody. Positions and ids go on; nothing is zeroed.
   *
   * @throws ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, and what else opening the ring throws
   */
  resetRing(type: AnyOrbitType): void {
    this.ring(type).reset()
  }

  /** Writes this member's next heartbeat. @internal */
  writeBeat(loopDelayMs: number, status: Uint8Array): void {
    this.checkOpen()
    translated(() => native.beat(this.handle, monotonicMs(), Date.now(), loopDelayMs * 1000, status))
  }
}

/** The longest prefix of whole characters within `maxBytes` of UTF-8. */
function cutUtf8(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}
