import { checkInteger, checkName, checkOptions, outOfRange, printable, wrongType } from '../base/check.js'
import { Interned } from '../base/interned.js'
import { Pod } from '../pod/pod.js'
import { isSupported, type NativePod, abi as native } from './native.js'

/**
 * The contract between a type and its ring. It must be the same in every process that opens the ring. Made by
 * `orbitType`.
 */
export interface OrbitType<T = Uint8Array, K extends number | undefined = number | undefined> {
  /** The name of the type, 1..64 bytes of UTF-8. */
  readonly name: string
  /**
   * The KIND of the ring, 0..255; undefined: each fleet chooses one by the name, and `fleet.stats(type)` says which.
   * KINDs from 200 on belong to orbit's own layers.
   */
  readonly kind: K
  /** The number of slots, a power of two in 1..2^19: how many frames the ring retains. */
  readonly capacity: number
  /** The most bytes that a payload may have, 0..2^24. */
  readonly payloadBytes: number
  /** A 64-bit hash of the pod; 0n for a type without one. */
  readonly fingerprint: bigint
  /** How values are laid out in bytes; undefined: payloads are bytes. */
  readonly pod: Pod<T> | undefined
}

/** A type with any values. */
// biome-ignore lint/suspicious/noExplicitAny: T is in parameters and results of the pod, so only any fits every type.
export type AnyOrbitType = OrbitType<any>

/** What frames of a type hold: the values of its pod, or bytes. */
export type ValueOf<Type extends AnyOrbitType> = Type extends OrbitType<infer T> ? T : never

/** Names that begin with this belong to orbit's own layers. */
const reservedPrefix = 'orbit.'

/** The argument of `orbitType`. */
export interface OrbitTypeSpec<T> {
  /**
   * The name of the type, 1..64 bytes of UTF-8. It is part of the contract. Without a `kind` it must not begin with
   * "orbit.".
   */
  name: string
  /**
   * The KIND of the ring, 0..127. A fleet has one ring per KIND. Default: the fleet chooses one of 72 from 128 on, the
   * same for all types of this name.
   */
  kind?: number
  /** How values are laid out in bytes; default: payloads are bytes. */
  pod?: Pod<T>
  /** The number of slots, a power of two in 1..2^19; default 1024. */
  capacity?: number
  /**
   * The most bytes that a payload may have, 0..2^24. Default without a pod: 256. With a pod it is the room that a new
   * ring has for a value and for fields that are added later: at least the pod's byteLength and reserve, default as
   * many bytes as cost no more memory than these.
   */
  payloadBytes?: number
}

/**
 * Names a ring and describes its payloads. A fleet refuses two types of one KIND that differ in name, pod, capacity or
 * payloadBytes, even if two processes bring them. Types of one name with different KINDs are different. But a pod may
 * have fields added behind the last one, as long as a frame of the ring has room for them; then payloadBytes is that of
 * the ring. And a member that is alone in its fleet makes the ring anew with its own type, and the frames of the old
 * ring are lost, unless the fleet is persistent.
 *
 * @returns the type, frozen; the same object for equal specs
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT or RangeError ERR_ORBIT_OUT_OF_RANGE for a wrong spec
 */
export function orbitType<T = Uint8Array>(spec: OrbitTypeSpec<T> & { kind: number }): OrbitType<T, number>
export function orbitType<T = Uint8Array>(spec: OrbitTypeSpec<T>): OrbitType<T>
export function orbitType<T = Uint8Array>(spec: OrbitTypeSpec<T>): OrbitType<T> {
  checkOptions('spec', spec, ['name', 'kind', 'pod', 'capacity', 'payloadBytes'])
  const { kind, name } = spec
  if (kind === undefined) {
    checkName('name', name, native.typeNameBytes)
    if (name.startsWith(reservedPrefix)) {
      throw outOfRange('name', name, `a name that does not begin with ${printable(reservedPrefix)}, or have a kind`)
    }
  } else if (Number.isInteger(kind) && kind >= native.firstNamedKind && kind <= native.maxKind) {
    const others = "the others belong to names and to orbit's own layers; without a kind, the fleet chooses one"
    throw outOfRange('kind', kind, `an integer in 0..${native.firstNamedKind - 1}: ${others}`)
  } else {
    checkInteger('kind', kind, 0, native.firstNamedKind - 1)
  }
  return reservedType(spec)
}

/** A type is the key of an open ring: equal ones must be one object, or each would open a ring of its own. */
const types = new Interned<AnyOrbitType>()

// The types made here. An object that only looks like one could describe a ring that orbitType refuses.
const made = new WeakSet<object>()

/** Throws unless `orbitType` made the type: in this copy of the package, or with equal fields in another. */
export function checkType(type: AnyOrbitType): void {
  if (typeof type === 'object' && type !== null && made.has(type)) return
  if (typeof type !== 'object' || type === null || !Object.isFrozen(type) || typeof type.fingerprint !== 'bigint') {
    throw wrongType('type', type, 'a type made by orbitType()')
  }
  checkSpec(type.name, type.kind, type.capacity, type.payloadBytes, 0)
}

function checkSpec(
  name: string,
  kind: number | undefined,
  capacity: number,
  payloadBytes: number,
  minBytes: number,
): void {
  checkName('name', name, native.typeNameBytes)
  if (kind !== undefined) checkInteger('kind', kind, 0, native.maxKind)
  checkInteger('payloadBytes', payloadBytes, minBytes, native.maxPayloadBytes)
  checkInteger('capacity', capacity, 1, native.maxCapacity)
  if ((capacity & (capacity - 1)) !== 0) {
    throw outOfRange('capacity', capacity, 'a power of two')
  }
}

/**
 * The most bytes of payload that cost no more memory than a value of the pod and its reserve. Without the addon, which
 * knows that, those bytes alone: such a type is of use for its pod.
 */
function roomFor({ byteLength, reserve }: AnyOrbitType['pod'] & object): number {
  if (!isSupported()) return byteLength + reserve
  return Math.min(
    alignLine(native.chunkHeaderBytes + byteLength + reserve) - native.chunkHeaderBytes,
    native.maxPayloadBytes,
  )
}

/** A chunk takes whole cache lines. */
const alignLine = (bytes: number): number => Math.ceil(bytes / native.cacheLineBytes) * native.cacheLineBytes

/** Makes a type as `orbitType` does, with KINDs and names of orbit's own layers allowed. */
export function reservedType<T = Uint8Array>(spec: OrbitTypeSpec<T>): OrbitType<T> {
  const { name, kind, pod, capacity = 1024 } = spec
  if (pod !== undefined && !(pod instanceof Pod)) {
    throw wrongType('pod', pod, 'a pod made by pod()')
  }
  const payloadBytes = spec.payloadBytes ?? (pod === undefined ? 256 : roomFor(pod))
  checkSpec(name, kind, capacity, payloadBytes, pod?.byteLength ?? 0)
  if (pod !== undefined && payloadBytes < pod.byteLength + pod.reserve) {
    const room = `byteLength=${pod.byteLength} and reserve=${pod.reserve} of the pod together`
    throw outOfRange('payloadBytes', payloadBytes, `left out, or at least ${room}`)
  }
  // Equal pods are one object.
  const content = `${kind} ${capacity} ${payloadBytes} ${pod?.reserve} ${pod?.schema} ${name}`
  const make = () => {
    const type = Object.freeze({ name, kind, capacity, payloadBytes, fingerprint: pod?.fingerprint ?? 0n, pod })
    made.add(type)
    return type
  }
  return types.get(content, make) as OrbitType<T>
}

/** A pod as the addon takes it. */
export function nativePod({ schema, byteLength, prefixes }: Pod<unknown>): NativePod {
  const lengths = prefixes.flatMap((prefix) => [prefix.schemaBytes, prefix.byteLength])
  return { schema: schema.slice(0, -1), byteLength, prefixes: lengths }
}
