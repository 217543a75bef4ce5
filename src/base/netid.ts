import { isUint8Array } from 'node:util/types'
import { checkInteger, outOfRange, printable, wrongType } from './check.js'
import { rangeError, typeError } from './errors.js'

const maxKind = 0xff
const maxNode = 0xffff
const counterSpan = 2 ** 40
const maxRaw = 2n ** 64n - 1n

/** Makes an id without checking its parts: the private constructor, for this file only. */
let unchecked: (kind: number, node: number, counter: number) => NetId64

/**
 * The name of one frame in 64 bits, `[KIND 8][NODE 16][COUNTER 40]`: the KIND of its ring, the node that published it,
 * and the count of the ring at that moment. An immutable value; ids compare as their raw u64 do.
 */
export class NetId64 {
  /** The id `0:0:0`, which names no frame. */
  static readonly ZERO = new NetId64(0, 0, 0)

  /** The KIND of the ring, 0..255. */
  readonly kind: number
  /** The node that published, 0..65535. */
  readonly node: number
  /** The low 40 bits of the frame's position, 0..2^40-1. */
  readonly counter: number

  static {
    unchecked = (kind, node, counter) => new NetId64(kind, node, counter)
  }

  private constructor(kind: number, node: number, counter: number) {
    this.kind = kind
    this.node = node
    this.counter = counter
  }

  /**
   * Makes an id from its parts.
   *
   * @param kind 0..255
   * @param node 0..65535
   * @param counter 0..2^40-1; a larger one throws
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  static make(kind: number, node: number, counter: number): NetId64 {
    checkInteger('kind', kind, 0, maxKind)
    checkInteger('node', node, 0, maxNode)
    checkInteger('counter', counter, 0, counterSpan - 1)
    return unchecked(kind, node, counter)
  }

  /**
   * Makes an id from its raw u64.
   *
   * @param raw 0n..2^64-1
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  static fromRaw(raw: bigint): NetId64 {
    if (typeof raw !== 'bigint') throw wrongType('raw', raw, 'a bigint')
    if (raw < 0n || raw > maxRaw) throw outOfRange('raw', raw, `in 0n..${maxRaw}n`)
    const kindAndNode = Number(raw >> 40n)
    return unchecked(kindAndNode >>> 16, kindAndNode & 0xffff, Number(BigInt.asUintN(40, raw)))
  }

  /**
   * Reads an id from text: what `toString` returns, or the raw u64 in hexadecimal.
   *
   * @param text `kind:node:counter` in decimal, or `0x` or `0X` and 1 to 16 hexadecimal digits; no signs, no spaces
   * @throws TypeError ERR_ORBIT_INVALID_ID for another text, ERR_ORBIT_INVALID_ARGUMENT for a value that is no string;
   *   RangeError ERR_ORBIT_OUT_OF_RANGE for a part that does not fit its bits
   */
  static parse(text: string): NetId64 {
    if (typeof text !== 'string') throw wrongType('text', text, 'a string')
    const parts = /^(\d+):(\d+):(\d+)$/.exec(text)
    if (parts) return NetId64.make(Number(parts[1]), Number(parts[2]), Number(parts[3]))
    if (!/^0[xX][\da-fA-F]+$/.test(text)) {
      throw typeError(
        'ERR_ORBIT_INVALID_ID',
        `text=${printable(text)} must be kind:node:counter, or 0x and 1 to 16 hex digits`,
      )
    }
    if (text.length > 18)
      throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `text=${printable(text)} must have at most 16 hex digits`)
    return NetId64.fromRaw(BigInt(text))
  }

  /**
   * Reads an id from its wire form: the bytes that `toBytes` returns.
   *
   * @param bytes exactly 8, big-endian
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT for a value that is no Uint8Array, ERR_ORBIT_INVALID_ID for another
   *   length
   */
  static fromBytes(bytes: Uint8Array): NetId64 {
    if (!isUint8Array(bytes)) throw wrongType('bytes', bytes, 'a Uint8Array')
    if (bytes.length !== 8) throw typeError('ERR_ORBIT_INVALID_ID', `bytes.length=${bytes.length} must be 8`)
    let counter = 0
    for (let i = 3; i < 8; i++) counter = counter * 256 + (bytes[i] as number)
    return unchecked(bytes[0] as number, ((bytes[1] as number) << 8) | (bytes[2] as number), counter)
  }

  /** Compares two ids for `sort`: negative, zero or positive as `a.raw` is below, equal to or above `b.raw`. */
  static compare(a: NetId64, b: NetId64): number {
    return a.kind - b.kind || a.node - b.node || a.counter - b.counter
  }

  /** The id as one unsigned 64-bit number; each access makes a new bigint. */
  get raw(): bigint {
    return (BigInt(this.kind * 65536 + this.node) << 40n) | BigInt(this.counter)
  }

  /** Returns the wire form: 8 new bytes, big-endian, which sort as the ids do. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(8) // this small, it lives on the JavaScript heap; a view of another buffer does not
    bytes[0] = this.kind
    bytes[1] = this.node >> 8
    bytes[2] = this.node
    bytes[3] = this.counter / 2 ** 32
    bytes[4] = this.counter / 2 ** 24
    bytes[5] = this.counter / 2 ** 16
    bytes[6] = this.counter / 2 ** 8
    bytes[7] = this.counter
    return bytes
  }

  /** Returns `kind:node:counter` in decimal, which `parse` reads. */
  toString(): string {
    return `${this.kind}:${this.node}:${this.counter}`
  }

  /** Returns `kind:node:counter`: a JSON number cannot hold 64 bits. */
  toJSON(): string {
    return this.toString()
  }

  /** Whether both are the same id. */
  equals(other: NetId64): boolean {
    return this.counter === other.counter && this.node === other.node && this.kind === other.kind
  }

  /** The text that `console.log` prints: the three parts, and the raw value in 16 hexadecimal digits. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `NetId64(${this} 0x${this.raw.toString(16).padStart(16, '0')})`
  }
}

/**
 * Makes the id of a frame from parts that come from the ring; they are not checked.
 *
 * @param position up to 2^53; its low 40 bits become the counter
 */
export function netIdAt(kind: number, node: number, position: number): NetId64 {
  // Bit operators work on 32 bits. The remainder of two integers is exact.
  return unchecked(kind, node, position < counterSpan ? position : position % counterSpan)
}
