import { isUint8Array } from 'node:util/types'
import { shown } from './check.js'
import { typeError } from './errors.js'

/** The addon believes that bytes are a Uint8Array whose buffer is there. */
export function checkBytes(name: string, bytes: Uint8Array): void {
  if (!isUint8Array(bytes)) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(bytes)} is not a Uint8Array`)
  }
  if (lengthOf(bytes) !== 0) return
  try {
    new Uint8Array(bytes.buffer)
  } catch {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name} is a Uint8Array whose buffer was transferred`)
  }
}

/** How long it really is, whatever a subclass says. */
const typedArrayLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')
  ?.get as () => number
export const lengthOf = (bytes: Uint8Array): number => typedArrayLength.call(bytes)
