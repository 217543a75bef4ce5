// Checks of arguments. Each package that needs them has them in its own dist.

/** A value as an error message shows it: short, and made without calling the value's own code. */
function printable(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

type Coded<E> = E & { code: 'ERR_ORBIT_INVALID_ARGUMENT' | 'ERR_ORBIT_OUT_OF_RANGE' }

/** A TypeError for an argument of the wrong type: `key=5 must be a string`. */
export function wrongType(name: string, value: unknown, expected: string): Coded<TypeError> {
  const error = new TypeError(`${name}=${printable(value)} must be ${expected}`)
  return Object.assign(error, { code: 'ERR_ORBIT_INVALID_ARGUMENT' as const })
}

/** A RangeError for an argument of the right type: `idleMs=0 must be an integer in 1..2147483647`. */
export function outOfRange(name: string, value: unknown, expected: string): Coded<RangeError> {
  const error = new RangeError(`${name}=${printable(value)} must be ${expected}`)
  return Object.assign(error, { code: 'ERR_ORBIT_OUT_OF_RANGE' as const })
}

/** Throws unless `value` is an integer within `min..max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, value, `an integer in ${min}..${max}`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, value, `an integer in ${min}..${max}`)
  }
}

/** Throws unless `value` is a well-formed string of 1 to `maxBytes` bytes in UTF-8, without NUL. */
export function checkName(name: string, value: unknown, maxBytes: number): asserts value is string {
  const expected = `a string of 1..${maxBytes} bytes in UTF-8 without NUL`
  if (typeof value !== 'string') throw wrongType(name, value, expected)
  const bytes = value.length * 3 <= maxBytes ? value.length : Buffer.byteLength(value)
  if (bytes === 0 || bytes > maxBytes || value.includes('\0')) throw outOfRange(name, value, expected)
  if (!value.isWellFormed()) throw outOfRange(name, value, 'well-formed UTF-16, without unpaired surrogates')
}

/** Throws unless `value` is an object that has no other keys than `known`. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw wrongType(name, value, 'an object')
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    const error = new TypeError(`${name}.${key} is unknown: use ${known.join(', ')}`)
    throw Object.assign(error, { code: 'ERR_ORBIT_INVALID_ARGUMENT' as const })
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
