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
    keysOf.call(bytes) // throws for a view without its bytes
  } catch {
    throw wrongType(name, bytes, 'a Uint8Array with its buffer, which was transferred or made smaller')
  }
}

const { keys: keysOf } = Uint8Array.prototype
const typedArrayLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')
  ?.get as () => number
const plainPrototype = Uint8Array.prototype
const bufferPrototype = Buffer.prototype

/** The real length of bytes; a subclass may report another one. */
export function lengthOf(bytes: Uint8Array): number {
  // The length is read first: V8 then knows the shape of the object, and the prototype costs no call.
  const { length } = bytes
  const prototype: unknown = Object.getPrototypeOf(bytes)
  return prototype === plainPrototype || prototype === bufferPrototype ? length : typedArrayLength.call(bytes)
}
