import { TextEncoder } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { lengthOf } from '../base/bytes.js'
import { checkFlag, checkInteger, checkOptions, checkSignal, outOfRange, wrongType } from '../base/check.js'
import { OrbitError, rangeError, typeError } from '../base/errors.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import { clockMs } from './clock.js'
import { checkFleetName } from './fleetname.js'
import { untilFree } from './lockwait.js'
import { abi, checkNative, isSupported, type NativeFleet, type NativeJoin, native, translated } from './native.js'
import { FleetObserver } from './observer.js'
import type { PublishOptions, Ring } from './ring.js'
import { shareOf } from './share.js'
import type { AnyOrbitType, ValueOf } from './type.js'

/** The part of the options that every fleet uses: its size, the node to take, and a label. */
export interface JoinOptions {
  /** The number of nodes, 1..65536; default the size of the existing fleet, or 256 for a new one. */
  size?: number
  /** The node to take, 0..size-1; default the first free one. */
  node?: number
  /** A text that `nodes()` shows, cut to 32 bytes of UTF-8; default the process title. */
  label?: string
}

/** Options of `Fleet.joinShm`: the node to take, and how long the shared objects live. */
export interface JoinShmOptions extends JoinOptions {
  /**
   * 'fleet': the fleet ends with its last member. A member that closes, or ends with its process or worker thread,
   * removes the objects if it is the last one. If the last members are killed, the next process that joins starts
   * afresh.
   * 'persistent': the objects and what they hold stay until `Fleet.remove`, `orbit gc` or a reboot.
   *
   * The fleet keeps its lifetime; a later member that passes one changes it for the whole fleet. Default: the lifetime
   * of the existing fleet, or 'fleet' for a new one.
   *
   * A fleet of lifetime 'fleet' without living members is made anew by the next process that joins, and a member that
   * is alone in it makes a ring anew if it opens it with another type or geometry. What a persistent fleet holds is
   * only lost when it is removed: another size, type or pod is refused, and layers use the geometry that exists.
   */
  lifetime?: 'persistent' | 'fleet'
  /**
   * How long to wait for another process that joins, removes, or creates a ring, in milliseconds, 0..2^31-1; default
   * 1000. It blocks this thread. The limit holds for the join, and each time that the member creates a ring; after it
   * ERR_ORBIT_BUSY is thrown.
   */
  joinTimeoutMs?: number
  /**
   * Takes the shared handle of this thread for this fleet name, and joins only if there is none. It survives the
   * evaluation of modules anew, as by a development server. The options of the first join hold; another `size` or
   * `node` is refused. Call `close` once for each join: the last call leaves the fleet. Default false: a handle of its
   * own.
   */
  shared?: boolean
}

/** Options of `Fleet.joinShmAsync`: those of `Fleet.joinShm`, a time limit, and a signal that ends the wait. */
export interface JoinShmAsyncOptions extends JoinShmOptions {
  /** How long to try to join, in milliseconds, 0..2^31-1; default joinTimeoutMs. It blocks nothing. */
  timeoutMs?: number
  /** Aborting it ends the attempt to join: the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Keeps the process alive while the join waits; default true. */
  keepAlive?: boolean
}

const joinKeys = ['size', 'node', 'label', 'lifetime', 'joinTimeoutMs', 'shared']
const maxWaitMs = 2 ** 31 - 1
const defaultWaitMs = 1000

/** Options of `Fleet.remove`: which objects to remove, and whether members may be using them. */
export interface RemoveOptions {
  /** The KIND of the ring to remove, 0..255; default the whole fleet. */
  kind?: number
  /**
   * Removes objects that living members use, and damaged ones; the next publish of such a member then throws
   * ERR_ORBIT_RETIRED. Default false.
   */
  force?: boolean
}

/**
 * The membership of one process or worker thread in a fleet: it holds a node and may publish. Reading and writing are
 * cheap, joining is not: join once and keep the handle.
 */
export class Fleet extends FleetObserver {
  /** The node that this member holds, 0..size-1. No other member holds it while this handle is open. */
  readonly node: number

  /** How many members have held this node, 1 or more; this one is included. */
  readonly incarnation: number

  private constructor(name: string, joined: NativeFleet, isShared: boolean) {
    if (typeof joined !== 'object') {
      const message =
        'new Fleet() is not a way to join: use Fleet.joinShm(name), or Fleet.join(name) within one process'
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', message)
    }
    super(name, joined, isShared)
    this.node = joined.node
    this.incarnation = joined.incarnation
  }

  /**
   * Whether this process can join and observe fleets: the native addon was found and loaded. Without it, importing this
   * package succeeds, and joining, observing and removing throw ERR_ORBIT_NATIVE.
   */
  static get isSupported(): boolean {
    return isSupported()
  }

  /**
   * Joins a fleet in the memory of this process, and creates it if it does not exist. It is shared by all handles of
   * this name in this process and its worker threads, and ends with the last of them.
   *
   * @param name 1..64 of letters, digits, '.', '_' and '-'
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_NATIVE, ERR_ORBIT_NODE_TAKEN, ERR_ORBIT_FLEET_FULL,
   *   ERR_ORBIT_TYPE_MISMATCH (the fleet has another size), ERR_ORBIT_NO_SPACE, ERR_ORBIT_NO_SPARE
   */
  static join(name: string, options: JoinShmOptions = {}): Fleet {
    checkOptions('options', options, joinKeys)
    return Fleet.#join(name, options, false)
  }

  /**
   * Joins the fleet of this name on this host and user, and creates it if it does not exist.
   *
   * @param name 1..64 of letters, digits, '.', '_' and '-'
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_NATIVE, ERR_ORBIT_NODE_TAKEN, ERR_ORBIT_FLEET_FULL,
   *   ERR_ORBIT_TYPE_MISMATCH (the fleet has another size), ERR_ORBIT_NO_SPACE, ERR_ORBIT_PERMISSION,
   *   ERR_ORBIT_LAYOUT_MISMATCH, ERR_ORBIT_CORRUPT, ERR_ORBIT_BUSY, ERR_ORBIT_NO_SPARE
   */
  static joinShm(name: string, options: JoinShmOptions = {}): Fleet {
    checkOptions('options', options, joinKeys)
    return Fleet.#join(name, options, true)
  }

  /**
   * Joins the fleet of this name on this host and user as `Fleet.joinShm` does, and never blocks this thread: while
   * another process joins, removes, or creates a ring, it tries again every few milliseconds.
   *
   * @param name 1..64 of letters, digits, '.', '_' and '-'
   * @throws what `Fleet.joinShm` throws, all as rejections; ERR_ORBIT_BUSY after timeoutMs; the reason of an aborted
   *   signal
   */
  static async joinShmAsync(name: string, options: JoinShmAsyncOptions = {}): Promise<Fleet> {
    checkOptions('options', options, [...joinKeys, 'timeoutMs', 'signal', 'keepAlive'])
    const request = { ...Fleet.#request(name, options, true), triesOnce: true }
    const { joinTimeoutMs = defaultWaitMs, timeoutMs = joinTimeoutMs, signal, keepAlive } = options
    checkInteger('timeoutMs', timeoutMs, 0, maxWaitMs)
    checkSignal(signal)
    checkFlag('keepAlive', keepAlive)
    return untilFree(() => Fleet.#open(request, options), { timeoutMs, signal, keepAlive })
  }

  static #join(name: string, options: JoinShmOptions, isShared: boolean): Fleet {
    return Fleet.#open(Fleet.#request(name, options, isShared), options)
  }

  static #open(request: NativeJoin, { shared = false, size, node }: JoinShmOptions): Fleet {
    const { name, isShared } = request
    const join = (anyNode = false) => {
      const joined = translated(() => native.join(anyNode ? { ...request, node: -1 } : request))
      return new Fleet(name, joined, isShared)
    }
    if (!shared) return join()
    const fleet = shareOf(`${isShared ? 'shm' : 'local'} ${name}`, join)
    try {
      fleet.#checkShare(size, node)
    } catch (error) {
      fleet.close()
      throw error
    }
    return fleet
  }

  /** Throws if a join asked for another size or node than this shared handle has. */
  #checkShare(size = this.size, node = this.node): void {
    const text = `fleet ${this.name}: the shared handle of this thread`
    if (size !== this.size) {
      const message = `${text} has size=${this.size}, not size=${size}: ask for the same size or for none`
      throw new OrbitError('ERR_ORBIT_TYPE_MISMATCH', message)
    }
    if (node !== this.node) {
      const message = `${text} holds node=${this.node}, not node=${node}: ask for the same node or for none`
      throw new OrbitError('ERR_ORBIT_NODE_TAKEN', message)
    }
  }

  static #request(name: string, options: JoinShmOptions, isShared: boolean): NativeJoin {
    checkNative()
    checkFleetName(name)
    const { size, node, label = process.title, lifetime, joinTimeoutMs = defaultWaitMs } = options
    checkInteger('joinTimeoutMs', joinTimeoutMs, 0, maxWaitMs)
    checkFlag('shared', options.shared)
    if (size !== undefined) checkInteger('size', size, 1, abi.maxFleetSize)
    if (node !== undefined) checkInteger('node', node, 0, (size ?? abi.maxFleetSize) - 1)
    if (typeof label !== 'string') throw wrongType('label', label, 'a string')
    if (lifetime !== undefined && lifetime !== 'persistent' && lifetime !== 'fleet') {
      throw outOfRange('lifetime', lifetime, "'persistent' or 'fleet'")
    }
    return {
      name,
      isShared,
      size: size ?? 0,
      node: node ?? -1,
      label: cutUtf8(label, abi.labelBytes),
      startedAtMs: Math.round(performance.timeOrigin),
      waitMs: joinTimeoutMs,
      triesOnce: false,
      // A process-local fleet ends with its last handle, so there is nothing to remove.
      lifetime: isShared ? lifetime : 'persistent',
    }
  }

  /**
   * Opens a fleet in shared memory for reading only: it takes no node and creates nothing, and works after all members
   * died. A ring that no member has created yet reads as empty.
   *
   * @param options.shared takes the shared observer of this thread for this fleet name, and opens one only if there is
   *   none; it costs no system call then. Call `close` once for each. Default false.
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_NATIVE, ERR_ORBIT_NOT_FOUND, ERR_ORBIT_PERMISSION,
   *   ERR_ORBIT_LAYOUT_MISMATCH, ERR_ORBIT_CORRUPT
   */
  static observe(name: string, options: { shared?: boolean } = {}): FleetObserver {
    checkOptions('options', options, ['shared'])
    checkFlag('shared', options.shared)
    return options.shared ? shareOf(`observe ${name}`, () => FleetObserver.open(name)) : FleetObserver.open(name)
  }

  /**
   * Removes the shared objects of a fleet, or one ring of it.
   *
   * @returns the names of the removed objects; empty if there were none
   * @throws TypeError or RangeError for wrong arguments; ERR_ORBIT_NATIVE, ERR_ORBIT_IN_USE if members live and `force`
   *   is not set, ERR_ORBIT_BUSY, ERR_ORBIT_PERMISSION
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

  /**
   * Publishes one frame. From now on every process that reads the ring finds it. Never waits for another process.
   *
   * @param value a value of the pod of the type, or bytes: at most payloadBytes of them, exactly byteLength for a type
   *   with a pod
   * @returns the id of the frame
   * @throws TypeError or RangeError for a value that does not fit the pod; RangeError ERR_ORBIT_PAYLOAD_SIZE;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_EXHAUSTED; on the first use of a type also
   *   ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_NO_SPACE, ERR_ORBIT_BUSY, ERR_ORBIT_KINDS_FULL. After an error nothing was
   *   published.
   */
  publish<Type extends AnyOrbitType>(type: Type, value: ValueOf<Type> | Uint8Array, options?: PublishOptions): NetId64 {
    const ring = this.ring(type) as Ring // a member creates it
    const { pod } = type
    const position =
      pod === undefined || isUint8Array(value)
        ? ring.publish(value as Uint8Array, options)
        : ring.publishValue(pod, value, options)
    return netIdAt(ring.kind, this.node, position)
  }

  /**
   * Publishes several frames in order, in one call. Their ids are consecutive unless another member publishes at the
   * same time.
   *
   * @param payloads what `publish` accepts, each; all are checked before the first is published
   * @returns the ids of the frames, in the same order; empty for no payloads
   * @throws TypeError or RangeError for a value that does not fit the pod; RangeError ERR_ORBIT_PAYLOAD_SIZE;
   *   ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_EXHAUSTED
   */
  publishBatch<Type extends AnyOrbitType>(
    type: Type,
    payloads: readonly (ValueOf<Type> | Uint8Array)[],
    options?: PublishOptions,
  ): NetId64[] {
    if (!Array.isArray(payloads)) {
      throw wrongType('payloads', payloads, 'an array')
    }
    const ring = this.ring(type) as Ring
    const bytes = type.pod === undefined ? payloads : payloads.map((payload) => bytesOf(type, payload))
    const positions = ring.publishBatch(bytes, options)
    return positions.map((position) => netIdAt(ring.kind, this.node, position))
  }

  /**
   * Publishes records of one size that lie back to back, one frame each: the cheapest way to publish many.
   *
   * @param records a multiple of the pod's byteLength, or of payloadBytes for a type without a pod
   * @returns how many frames were published
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_EXHAUSTED
   */
  publishPacked(type: AnyOrbitType, records: Uint8Array, options?: PublishOptions): number {
    const ring = this.ring(type) as Ring
    const recordBytes = type.pod?.byteLength ?? type.payloadBytes
    if (!isUint8Array(records)) {
      throw wrongType('records', records, 'a Uint8Array')
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
   * Makes all frames of the ring read as overwritten, in every process. Positions and ids go on from where they were.
   *
   * @throws ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_TYPE_MISMATCH, ERR_ORBIT_NO_SPACE, ERR_ORBIT_BUSY
   */
  resetRing(type: AnyOrbitType): void {
    ;(this.ring(type) as Ring).reset()
  }

  /** Writes this member's next heartbeat. @internal */
  writeBeat(loopDelayMs: number, status: Uint8Array): void {
    this.checkOpen()
    translated(() => native.beat(this.handle, clockMs(), Date.now(), loopDelayMs * 1000, status))
  }
}

/** The bytes of what a caller publishes: a value of the pod, or bytes. The ring checks bytes. */
const bytesOf = ({ pod }: AnyOrbitType, value: unknown): Uint8Array =>
  pod === undefined || isUint8Array(value) ? (value as Uint8Array) : pod.encode(value)

/** The longest prefix of whole characters that has at most `maxBytes` bytes of UTF-8. */
function cutUtf8(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}
