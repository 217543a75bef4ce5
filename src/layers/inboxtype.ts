import { checkInteger, checkOptions, outOfRange, wrongType } from '../base/check.js'
import { Boxes, type BoxState } from '../core/boxes.js'
import { type Layer, Layer as NewLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import { checkFleet, type FleetObserver } from '../core/observer.js'
import { type OrbitType, orbitType } from '../core/type.js'

/** The contract between an inbox, its owner and its senders. Made by `inboxType`. */
export interface InboxType {
  /** The name of the type, 1..64 bytes of UTF-8. */
  readonly name: string
  /** The KIND of the inbox, 0..127. */
  readonly kind: number
  /** How many inboxes there are under this KIND, a power of two in 1..4096. */
  readonly instances: number
  /** How many messages each of them has room for, a power of two in 1..2^19. */
  readonly capacity: number
  /** The most bytes that a message may have, 0..2^24. */
  readonly payloadBytes: number
}

/** The argument of `inboxType`. */
export interface InboxTypeSpec {
  /** The name of the type, 1..64 bytes of UTF-8. It is part of the contract. */
  name: string
  /** The KIND of the inbox, 0..127. A fleet has one object per KIND, so no ring can have the same. */
  kind: number
  /** How many inboxes there are under this KIND, a power of two in 1..4096; default 1. Each has an owner of its own. */
  instances?: number
  /** How many messages each inbox has room for, a power of two; default 1024. In all inboxes together at most 2^19. */
  capacity?: number
  /** The most bytes that a message may have, 0..2^24; default 256. */
  payloadBytes?: number
}

/** The process that owns an inbox, or owned it last and died. */
export interface InboxOwner {
  /** The node of the member, 0..65535. */
  readonly node: number
  /** The pid of the owner, in its own pid namespace. For people. */
  readonly pid: number
  /** Whether the process is alive; false: what it did not commit waits for the next owner. */
  readonly isAlive: boolean
}

/** The types made here, with what opens their objects. */
const made = new WeakMap<InboxType, OrbitType>()

/**
 * Names an inbox and says how large it is. A fleet refuses two types under one KIND that differ.
 *
 * @returns the type, frozen
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT or RangeError ERR_ORBIT_OUT_OF_RANGE for a wrong spec
 */
export function inboxType(spec: InboxTypeSpec): InboxType {
  checkOptions('spec', spec, ['name', 'kind', 'instances', 'capacity', 'payloadBytes'])
  const { name, kind, instances = 1, capacity = 1024, payloadBytes = 256 } = spec
  checkInteger('instances', instances, 1, abi.maxBoxes)
  checkInteger('capacity', capacity, 1, abi.maxCapacity)
  for (const [what, value] of Object.entries({ instances, capacity })) {
    if ((value & (value - 1)) !== 0) throw outOfRange(what, value, 'a power of two')
  }
  if (instances * capacity > abi.maxCapacity) {
    throw outOfRange('capacity', capacity, `at most ${abi.maxCapacity / instances} with instances=${instances}`)
  }
  const type = Object.freeze({ name, kind, instances, capacity, payloadBytes })
  // A copy, so that it is not the type of a ring that has the same numbers.
  made.set(type, Object.freeze({ ...orbitType({ name, kind, capacity: instances * capacity, payloadBytes }) }))
  return type
}

/** One inbox of a fleet: the object, opened at once where that is possible, and its place in it. */
export interface OpenInbox {
  readonly layer: Layer<Boxes>
  readonly instance: number
  readonly type: InboxType
}

/** Opens the inbox of a type. Throws for a wrong argument, and what opening a ring throws. */
export function openInbox(fleet: FleetObserver, type: InboxType, instance = 0): OpenInbox {
  checkFleet(fleet)
  const ring = typeof type === 'object' && type !== null ? made.get(type) : undefined
  if (ring === undefined) throw wrongType('type', type, 'a type made by inboxType()')
  checkInteger('instance', instance, 0, type.instances - 1)
  const dealing = { boxes: type.instances, replies: 0 }
  const layer = new NewLayer(fleet, type, () => fleet.open(ring, Boxes, dealing))
  return { layer, instance, type }
}

/** The owner of a box as users see it. */
export function ownerOf({ owner }: BoxState): InboxOwner | undefined {
  return owner && { node: owner.node, pid: owner.pid, isAlive: owner.isAlive }
}
