import { checkInteger, checkName, checkOptions, shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'
import { Pod } from '../pod/pod.js'
import { abi as native } from './native.js'

/** The contract between a type and the ring that holds it: the same in every process that opens the ring. */
export interface OrbitType<T = Uint8Array> {
  /** 1..64 bytes in UTF-8. */
  readonly name: string
  /** The ring's KIND, 0..255; those from 200 on are orbit's own. */
  readonly kind: number
  /** Slots. */
  readonly capacity: number
  /** Room for a payload. */
  readonly payloadBytes: number
  /** The layout's; 0n without one. */
  readonly fingerprint: bigint
  /** How a value is laid out; undefined: payloads are bytes. */
  readonly pod: Pod<T> | undefined
}

/** A type, whatever its values are. */
// biome-ignore lint/suspicious/noExplicitAny: T stands in layout's parameters and results, so only any fits every type.
export type AnyOrbitType = OrbitType<any>

/** KINDs that orbit's own layers use, or may use. */
const firstReservedKind = 200

/** What `orbitType` is told. */
export interface OrbitTypeSpec<T> {
  /** Part of the contract, 1..64 bytes in UTF-8. */
  name: string
  /** The KIND, 0..199: one ring per KIND in a fleet. */
  kind: number
  /** How a value is laid out; without it, payloads are bytes. */
  pod?: Pod<T>
  /** Slots, a power of two in 1..2^19; default 1024. */
  capacity?: number
  /** Room for a payload, 0..2^24 bytes; default the layout's byteLength, or 256 without a layout. */
  payloadBytes?: number
}

/**
 * Names a ring and what is in it. A fleet refuses two types under one KIND that differ in name, layout or geometry, also
 * when two processes bring them.
 *
 * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
 */
export function orbitType<T = Uint8Array>(spec: OrbitTypeSpec<T>): OrbitType<T> {
  checkOptions('spec', spec, ['name', 'kind', 'pod', 'capacity', 'payloadBytes'])
  checkInteger('kind', spec.kind, 0, native.maxKind)
  if (spec.kind >= firstReservedKind) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `kind=${spec.kind} is reserved; yours are 0..${firstReservedKind - 1}`)
  }
  return reservedType(spec)
}

// Types made here; a look-alike could name a ring that orbitType would refuse.
const made = new WeakSet<object>()

/** Throws unless orbitType made it: this copy of the package, or one whose type says the same. */
export function checkType(type: AnyOrbitType): void {
  if (typeof type === 'object' && type !== null && made.has(type)) return
  if (typeof type !== 'object' || type === null || !Object.isFrozen(type) || typeof type.fingerprint !== 'bigint') {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `type=${shown(type)} was not made by orbitType()`)
  }
  checkShape(type.name, type.kind, type.capacity, type.payloadBytes, 0)
}

function checkShape(name: string, kind: number, capacity: number, payloadBytes: number, minBytes: number): void {
  checkName('name', name, native.typeNameBytes)
  checkInteger('kind', kind, 0, native.maxKind)
  checkInteger('payloadBytes', payloadBytes, minBytes, native.maxPayloadBytes)
  checkInteger('capacity', capacity, 1, native.maxCapacity)
  if ((capacity & (capacity - 1)) !== 0) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `capacity=${capacity} is not a power of two`)
  }
}

/** `orbitType` for orbit's own layers, whose KINDs begin at 200. */
export function reservedType<T = Uint8Array>(spec: OrbitTypeSpec<T>): OrbitType<T> {
  const { name, kind, pod, capacity = 1024 } = spec
  if (pod !== undefined && !(pod instanceof Pod)) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `pod=${shown(pod)} was not made by pod()`)
  }
  const payloadBytes = spec.payloadBytes ?? pod?.byteLength ?? 256
  checkShape(name, kind, capacity, payloadBytes, pod?.byteLength ?? 0)
  const type = Object.freeze({ name, kind, capacity, payloadBytes, fingerprint: pod?.fingerprint ?? 0n, pod })
  made.add(type)
  return type
}
