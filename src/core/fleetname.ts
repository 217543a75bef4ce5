import { outOfRange, wrongType } from '../base/check.js'

const namePattern = /^[A-Za-z0-9._-]{1,64}$/

/** Throws unless the value is a name that a fleet can have. */
export function checkFleetName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw wrongType('name', name, 'a string')
  if (!namePattern.test(name)) {
    throw outOfRange('name', name, '1..64 of letters, digits, ".", "_" and "-"')
  }
}
