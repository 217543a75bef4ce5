import { openAddon } from '../addon.js'
import { OrbitError, type OrbitErrorCode, rangeError } from '../base/errors.js'
import type { ContestAbi, ContestCalls } from './contestcalls.js'
import type { CounterAbi, CounterCalls, CounterStatus } from './countercalls.js'
import type { InboxAbi, InboxCalls, InboxSpec } from './inboxcalls.js'
import type { NativeLimiter, NativeLimits } from './nativelimits.js'
import type { StoreAbi, StoreCalls } from './storecalls.js'

/** The limits and offsets of the addon, frozen. TypeScript has no layout number of its own. */
interface Abi extends ContestAbi, CounterAbi, InboxAbi, StoreAbi {
  readonly layoutVersion: number
  readonly maxKind: number
  readonly firstNamedKind: number
  readonly maxFleetSize: number
  readonly maxCapacity: number
  readonly maxPayloadBytes: number
  readonly cacheLineBytes: number
  readonly chunkHeaderBytes: number
  readonly maxPosition: number
  readonly counterBits: number
  readonly typeNameBytes: number
  readonly labelBytes: number
  readonly statusBytes: number
  readonly cacheKind: number
  readonly eventKind: number
  readonly contestKind: number
  readonly limitsKind: number
  readonly countersKind: number
  readonly eventHeaderBytes: number
  readonly maxTopicBytes: number
  readonly argumentNumber: number
  readonly argumentRing: number
  readonly argumentPlace: number
  readonly argumentCount: number
  readonly argumentFlag: number
  readonly inScratch: number
  readonly resultPosition: number
  readonly resultHead: number
  readonly resultFrom: number
  readonly resultTo: number
  readonly resultLost: number
  readonly resultMalformed: number
  readonly resultStatus: number
  readonly resultBytes: number
  readonly resultCount: number
  readonly firstRecord: number
  readonly recordBytes: number
  readonly draftBytes: number
  readonly recordPosition: number
  readonly recordVersion: number
  readonly recordNode: number
  readonly recordLength: number
  readonly recordFrameKind: number
  readonly recordAt: number
  readonly pollPayloads: number
  readonly limitCount: number
  readonly limitRemaining: number
  readonly limitResetMs: number
  readonly limitRetryAfterMs: number
  readonly maxLimitKeyBytes: number
  readonly maxLimitEntries: number
  readonly maxLimit: number
  readonly maxWindowMs: number
  readonly entryHeaderBytes: number
  readonly entryRecordBytes: number
  readonly entryIncarnation: number
  readonly entryCell: number
  readonly entryNode: number
  readonly entryIdBytes: number
  readonly entryValueBytes: number
  readonly cacheHeaderBytes: number
  readonly cacheOp: number
  readonly cacheNamespaceBytes: number
  readonly cacheKeyBytes: number
  readonly cacheValueBytes: number
  readonly cachePut: number
  readonly cacheDelete: number
  readonly cacheReset: number
}

interface NativeStatus extends CounterStatus {
  readonly notYet: number
  readonly overwritten: number
  readonly corrupt: number
  readonly tooLarge: number
  readonly retired: number
  readonly exhausted: number
  readonly closed: number
  readonly readOnly: number
  readonly full: number
  readonly noMemory: number
  readonly short: number
  /** Of calls that take a string: it has a surrogate without its other half. */
  readonly malformed: number
}

export interface NativeJoin {
  name: string
  isShared: boolean
  /** 0: that of the existing fleet, or the default. */
  size: number
  /** -1: the first free one. */
  node: number
  label: string
  startedAtMs: number
  /** The time limit for the lock, in this join and when the member creates a ring. */
  waitMs: number
  /** This join does not wait for the lock at all. */
  triesOnce: boolean
  /** Undefined: that of the existing fleet, or 'fleet' for a new one. */
  lifetime: 'persistent' | 'fleet' | undefined
}

export interface NativeFleet {
  handle: number
  /** 18 characters of hex. */
  id: string
  size: number
  /** For a member only, like its incarnation. */
  node: number
  incarnation: number
}

export interface NativeBeat {
  readonly count: number
  readonly unixMs: number
  readonly monotonicMs: number
  readonly loopDelayUs: number
  readonly status: string
}

export interface NativeNode {
  readonly node: number
  readonly pid: number
  readonly label: string
  readonly alive: boolean
  readonly joinedAtMs: number
  readonly startedAtMs: number
  readonly incarnation: number
  /** The last beat of its heart; absent: it has made none. */
  readonly beat?: NativeBeat
}

export interface NativeRingSpec {
  kind: number
  capacity: number
  payloadBytes: number
  fingerprint: bigint
  name: string
}

/** Which numbers of a geometry the caller asked for; the others are as in the existing object. */
export interface NativeWish {
  readonly hasCapacity: boolean
  readonly hasPayloadBytes: boolean
}

/** The pod of the payloads of a handle. */
export interface NativePod {
  /** Its canonical text without the closing brace. */
  readonly schema: string
  /** What each payload measures. */
  readonly byteLength: number
  /** schemaBytes and byteLength of each pod of its first fields. */
  readonly prefixes: readonly number[]
}

/** Of a ring that is to be opened or made. */
export interface NativeOpenRing extends NativeRingSpec, InboxSpec {
  /** A table and not a ring. */
  isTable?: boolean
  /** A table of counters. */
  hasCells?: boolean | undefined
  /** Present: another geometry is taken while other members live. It says what the caller asked for. */
  wish?: NativeWish
  /** Undefined: payloads are bytes, up to payloadBytes of them. */
  pod: NativePod | undefined
}

/** What every object says of itself. */
export interface NativeObject {
  readonly createdAtMs: number
  /** 18 characters of hex. */
  readonly fleetId: string
  readonly isRetired: boolean
}

/** A file at the name of an object or bell. Whether it is whole, and its own user's, is not known. */
export interface NativeObjectName {
  /** Without the folder. */
  readonly file: string
  readonly fleet: string
  readonly form: 'fleet' | 'ring' | 'bell' | 'blob'
  /** The KIND of a ring or table, the node of a bell, -1 for a fleet. */
  readonly number: number
  /** The user in the name. */
  readonly uid: number
}

/**
 * The addon. Rings and fleets are numbers. Calls on frames and claims return a number; a negative one is a status.
 * Calls on frames that take no ring take it and all other numbers from the scratch, as `give` leaves them, and return
 * undefined when they succeeded.
 */
interface Native extends ContestCalls, CounterCalls, InboxCalls, StoreCalls {
  readonly abi: Abi
  readonly status: NativeStatus
  join(options: NativeJoin): NativeFleet
  observe(name: string): NativeFleet
  remove(name: string, kind: number, force: boolean): string[]
  /** Of a fleet of any layout version; false: there is no such fleet. Throws for an object that is no fleet. */
  hasLivingMembers(name: string): boolean
  close(fleet: number): void
  nodes(fleet: number): NativeNode[]
  isDead(fleet: number, node: number): boolean
  /** Whether the objects of the fleet were removed. */
  isOrphaned(fleet: number): boolean
  beat(fleet: number, monotonicMs: number, unixMs: number, loopDelayUs: number, status: Uint8Array): void
  openRing(fleet: number, spec: NativeOpenRing): number | undefined
  /** The KIND of a name, which a member gives it if it has none; -1: an observer finds none. */
  namedKind(fleet: number, name: string): number
  openExistingRing(fleet: number, kind: number): number | undefined
  /** `boxes` and `replies` are 0 unless it is an inbox object. */
  ringInfo(ring: number): Required<InboxSpec> &
    NativeRingSpec & {
      objectBytes: number
      spares: number
      burned: number
      refused: number
      missedWakes: number
    }
  setScratch(buffer: ArrayBuffer): void
  /** The caller keeps the buffer, and sets another one if it was detached. */
  setSlab(buffer: ArrayBufferLike): void
  /** The payload, or as many bytes of the scratch as count says, from place on; the position is in the scratch then. */
  publish(payload?: Uint8Array): number | undefined
  publishPacked(ring: number, records: Uint8Array, recordBytes: number, frameKind: number, version: number): number
  publishList(ring: number, count: number, frameKind: number, version: number): number
  readAt(): number | undefined
  readHead(): number | undefined
  readHeadInto(target: Uint8Array): number | undefined
  readCounter(): number | undefined
  /** number: the first node to look at. Finds nothing in a ring without a pod. */
  readLatest(): number | undefined
  /**
   * It leaves results; if it has passed no position, `to` is the given one and no other result is left. flag: the same
   * poll has passed positions already that were not lost, so the call ends before a loss.
   */
  poll(): number | undefined
  pollInto(target: Uint8Array): number | undefined
  pollEvents(pattern: Uint8Array): number | undefined
  head(ring: number): number
  oldest(ring: number): number
  reset(ring: number): number
  /** Undefined: a hit; 0: a miss; 2: unchanged. */
  cacheFind(): number | undefined
  /** 1: there are older frames to note; 0: all are noted. */
  cacheNote(): number
  /** The position is in the scratch then. */
  cachePublish(): number | undefined
  /** Returns how far the clock of this thread is advanced now. */
  advanceClock(ms: number): number
  /** Undefined: an observer finds no table. */
  openLimiter(fleet: number, limiter: NativeLimiter): { readonly handle: number; readonly entries: number } | undefined
  /** Limiter and cost come from the scratch, for limiterPeek too. */
  limiterTake(key: string): number | undefined
  limiterPeek(key: string): number
  /** over: 0: keep, 1: renew, 2: double. */
  limiterHit(limiter: number, key: string, cost: number, over: number): number
  limiterAdjust(limiter: number, key: string, amount: number, windowMs: number): number
  limiterBlock(limiter: number, key: string, ms: number): number
  limiterSet(limiter: number, key: string, count: number, ms: number): number
  limiterReset(limiter: number, key: string): number
  /** Undefined: there is no table of limits. */
  inspectLimits(fleet: number, kind: number): NativeLimits | undefined
  /** False: another descriptor holds the lock of the file. */
  lockFile(descriptor: number, path: string): boolean
  entryAdd(table: number, start: number, idBytes: number, valueBytes: number): number
  entryChange(table: number, cell: number, idBytes: number, valueBytes: number): number
  entryRemove(table: number, cell: number): number
  /** stamps: 8 bytes for each cell, brought up to date. */
  entriesChanged(table: number, from: number, stamps: Uint8Array): number
  /** False: this node has a blob of this number. */
  blobWrite(fleet: number, number: number, key: number, bytes: Uint8Array): boolean
  /** Fills `bytes`. False: there is no blob with this key and length. */
  blobRead(fleet: number, node: number, number: number, key: number, bytes: Uint8Array): boolean
  blobRemove(fleet: number, node: number, number: number): boolean
  /** The folder in which objects are files; '' on a system that does not show them. */
  objectsFolder(): string
  /** Objects and bells of all users, in no order; empty without a folder. Throws when the folder cannot be listed. */
  listObjects(): NativeObjectName[]
  /** kind -1: the fleet's own object. Undefined: missing or unfinished. Throws what opening it would. */
  inspectObject(fleet: string, kind: number): (NativeObject & { readonly bytes: number }) | undefined
  inspectFleet(fleet: number): NativeObject & {
    /** Whether the objects stay when no member lives. */
    readonly isPersistent: boolean
    readonly kinds: number[]
  }
  inspectRing(ring: number): NativeObject & {
    /** By the type of the object. */
    readonly isTable: boolean
    /** Whether it is a table of counters; then isTable is false. */
    readonly hasCells: boolean
    /** Of an inbox object: how many inboxes it has; otherwise 0. */
    readonly boxes: number
    readonly hint: number
    readonly floor: number
    /** Of a table: drawn so far. */
    readonly tokensDrawn: number
    /** Nodes that are armed. */
    readonly sleepers: number
    /** Lookups of all members so far; of other rings than those of caches: 0. */
    readonly cacheHits: number
    readonly cacheMisses: number
    readonly fleetSize: number
    /** With all fields that members have added; '': none. */
    readonly schema: string
  }
  inspectHand(
    ring: number,
    node: number,
  ): { readonly hand: number; readonly intentPosition?: number; readonly intentChunk?: number } | undefined
  openBell(fleet: number): number
  /** A descriptor for watchBell; -1: there can be none; -2: the member has ended. */
  watchDeath(fleet: number, node: number, incarnation: number): number
  hasBell(fleet: number, descriptor: number): boolean
  /** Owns the descriptor from then on. Undefined: there is no libuv to watch it with. */
  watchBell(descriptor: number, callback: (isOpen: boolean) => void): object | undefined
  unwatchBell(watch: object): void
  fallAsleep(ring: number, position: number): number
  arm(ring: number): number
  disarm(ring: number): number
  hasNews(ring: number, position: number): number
}

/** Why this process has no addon; undefined if it has one. */
let missing: OrbitError | undefined

function open(): Native {
  try {
    return fastCopy(openAddon() as Native)
  } catch (error) {
    missing = error as OrbitError
    return absent as Native
  }
}

/**
 * V8 keeps the objects that an addon makes as dictionaries, and looks every property up by its name. A copy is made for
 * its shape: to read `native.poll` then costs one load.
 */
function fastCopy(addon: Native): Native {
  return Object.freeze({
    ...addon,
    abi: Object.freeze({ ...addon.abi }),
    status: Object.freeze({ ...addon.status }),
  })
}

/** The numbers of a missing addon: no limit is known, and offsets are not used. */
const unknown = new Proxy({}, { get: () => Number.POSITIVE_INFINITY })

/** A missing addon: every call throws, so that importing this package does not. */
const absent: object = new Proxy(
  {},
  { get: (_, name) => (name === 'abi' || name === 'status' ? unknown : checkNative) },
)

export const native = open()
export const abi = native.abi
export const status = native.status

/** Whether this process has the addon. */
export function isSupported(): boolean {
  return missing === undefined
}

/** Throws unless this process has the addon. */
export function checkNative(): void {
  if (missing !== undefined) throw new OrbitError('ERR_ORBIT_NATIVE', missing.message, { cause: missing.cause })
}

/** Runs a call of the addon that may throw, and makes its error one of this package. */
export function translated<T>(call: () => T): T {
  try {
    return call()
  } catch (thrown) {
    const error = thrown as Error & { code?: OrbitErrorCode; errno?: number; syscall?: string }
    if (typeof error.code !== 'string' || !error.code.startsWith('ERR_ORBIT_')) throw thrown
    if (error.code === 'ERR_ORBIT_OUT_OF_RANGE') throw rangeError(error.code, error.message)
    throw new OrbitError(error.code, error.message, error)
  }
}
