import { rangeError, typeError } from './errors.js'

/** A value as it stands in an error message: short, and never a thrown one of its own. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** Throws unless `value` is an integer within `min..max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number')
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(value)} is not a number`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `${name}=${value} is not an integer in ${min}..${max}`)
  }
}

/** Throws unless `value` is a string of 1 to `maxBytes` bytes in UTF-8, without NUL. */
export function checkName(name: string, value: unknown, maxBytes: number): asserts value is string {
  if (typeof value !== 'string')
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(value)} is not a string`)
  // No character takes over 3 bytes of UTF-8 for each of its units.
  const bytes = value.length * 3 <= maxBytes ? value.length : Buffer.byteLength(value)
  if (bytes === 0 || bytes > maxBytes || value.includes('\0')) {
    throw rangeError('ERR_ORBIT_OUT_OF_RANGE', `${name}=${shown(value)} has not 1..${maxBytes} bytes without NUL`)
  }
}

/** Throws unless `value` is an object with no other keys than `known`. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(value)} is not an object`)
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}.${key} is unknown; known: ${known.join(', ')}`)
    }
  }
}

/** Throws unless `value` is undefined or an AbortSignal. */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `signal=${shown(value)} is not an AbortSignal`)
  }
}

/** Throws unless `value` is undefined or a boolean. */
export function checkFlag(name: string, value: unknown): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${shown(value)} is not a boolean`)
  }
}
