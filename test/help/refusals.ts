// Calls that throw.
import { expect } from 'vitest'
import { OrbitError, type OrbitErrorCode } from '../../src/index.js'

type Thrown = Error & { code?: string; errno?: number; syscall?: string }

/** The error that the call throws. Fails if it does not throw. */
export function thrownBy(call: () => unknown): Thrown {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    return error as Thrown
  }
  throw new Error(`no error was thrown; the call returned ${String(result)}`)
}

/** Expects an error of exactly this class and code, with all of these texts in its message. */
export function expectRefusal(
  call: () => unknown,
  errorClass: typeof TypeError | typeof RangeError | typeof OrbitError,
  code: OrbitErrorCode,
  ...inMessage: string[]
): void {
  const error = thrownBy(call)
  expect(error.code, error.stack).toBe(code)
  expect(error.constructor).toBe(errorClass)
  for (const text of inMessage) expect(error.message).toContain(text)
}

export const expectTypeError = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, TypeError, 'ERR_ORBIT_INVALID_ARGUMENT', ...inMessage)
export const expectRangeError = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, RangeError, 'ERR_ORBIT_OUT_OF_RANGE', ...inMessage)
export const expectClosed = (call: () => unknown): void => expectRefusal(call, OrbitError, 'ERR_ORBIT_CLOSED', 'closed')

/** The value without its type, as a caller in JavaScript passes it. */
// biome-ignore lint/suspicious/noExplicitAny: these tests pass wrong arguments.
export const untyped = (value: unknown): any => value
