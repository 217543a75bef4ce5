import { type OrbitErrorCode, rangeError, typeError } from './errors.js'

/** A value as an error message shows it: short, and made without calling the value's own code. */
export function printable(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

type Coded<E> = E & { code: OrbitErrorCode }

/** A TypeError for an argument of the wrong type: `name="5" must be an integer in 1..64`. */
export function wrongType(name: string, value: unknown, expected: string): Coded<TypeError> {
  return typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}=${printable(value)} must be ${expected}`)
}

/** A RangeError for an argument of the right type: `capacity=1000 must be a power of two`. */
export function outOfRange(name: string, value: unknown, expected: string): Coded<RangeError> {
  return rangeError('ERR_ORBIT_OUT_OF_RANGE', `${name}=${printable(value)} must be ${expected}`)
}

/** Throws unless `value` is an integer within `min..max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  // Short, so that V8 has room to inline it into hot calls.
  if (!(Number.isInteger(value) && (value as number) >= min && (value as number) <= max)) {
    refuseInteger(name, value, min, max)
  }
}

function refuseInteger(name: string, value: unknown, min: number, max: number): never {
  const expected = `an integer in ${min}..${max}`
  throw typeof value === 'number' ? outOfRange(name, value, expected) : wrongType(name, value, expected)
}

/** Throws for a string with an unpaired surrogate: as UTF-8 it would be the same as other strings. */
export function checkWellFormed(name: string, text: string): void {
  if (!text.isWellFormed()) throw outOfRange(name, text, 'well-formed UTF-16, without unpaired surrogates')
}

/** Whether a text is short, and ASCII without NUL: for most names, a loop costs half of the calls that tell. */
function isPlain(text: string): boolean {
  const { length } = text
  if (length > 20) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0 || code >= 0x80) return false
  }
  return true
}

/** Throws unless `value` is a string of 1 to `maxBytes` bytes in UTF-8, without NUL. */
export function checkName(name: string, value: unknown, maxBytes: number): asserts value is string {
  if (typeof value === 'string' && value !== '' && value.length <= maxBytes && isPlain(value)) return
  const expected = `a string of 1..${maxBytes} bytes in UTF-8 without NUL`
  if (typeof value !== 'string') throw wrongType(name, value, expected)
  // No character takes more than 3 bytes of UTF-8 for each of its units.
  const bytes = value.length * 3 <= maxBytes ? value.length : Buffer.byteLength(value)
  if (bytes === 0 || bytes > maxBytes || value.includes('\0')) throw outOfRange(name, value, expected)
  checkWellFormed(name, value)
}

/** Throws unless `value` is an object that has no other keys than `known`. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw wrongType(name, value, 'an object')
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `${name}.${key} is unknown: use ${known.join(', ')}`)
    }
  }
}

/** Throws unless `value` is undefined or an AbortSignal; a test environment may bring its own AbortSignal. */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value === undefined) return
  const { aborted, addEventListener } = (value ?? {}) as { aborted?: unknown; addEventListener?: unknown }
  if (typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw wrongType('signal', value, 'an AbortSignal')
  }
}

/** Throws unless `value` is undefined or a boolean. */
export function checkFlag(name: string, value: unknown): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw wrongType(name, value, 'a boolean')
}
