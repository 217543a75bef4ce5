import { isUint8Array } from 'node:util/types'
import { wrongType } from './check.js'

/** Throws unless the value is a Uint8Array with its buffer: the addon relies on both. */
export function checkBytes(name: string, bytes: Uint8Array, expected = 'a Uint8Array'): void {
  if (!isUint8Array(bytes)) {
    const isText = typeof bytes === 'string' && expected === 'a Uint8Array'
    throw wrongType(name, bytes, isText ? 'a Uint8Array: pass Buffer.from(text) to send a text' : expected)
  }
  if (lengthOf(bytes) !== 0) return
  try {
    new Uint8Array(bytes.buffer)
  } catch {
    throw wrongType(name, bytes, 'a Uint8Array with its buffer, which was transferred')
  }
}

const typedArrayLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')
  ?.get as () => number
/** The real length of bytes; a subclass may report another one. */
export const lengthOf = (bytes: Uint8Array): number =>
  // V8 inlines this way only.
  isPlain(Object.getPrototypeOf(bytes)) ? bytes.length : typedArrayLength.call(bytes)
const isPlain = (prototype: object) => prototype === Uint8Array.prototype || prototype === Buffer.prototype
