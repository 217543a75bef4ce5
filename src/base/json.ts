import { wrongType } from './check.js'
import { typeError } from './errors.js'

/** What V8 says of a value that has no JSON. Other errors come from the value's own code. */
const unwritable = /^(Do not know how to serialize a BigInt|Converting circular structure to JSON)/

/** The JSON text of a value. Throws a TypeError for a value without JSON, or what its toJSON throws. */
export function jsonOf(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    const { message } = error as Error
    if (!unwritable.test(message)) throw error
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `value must be one that JSON.stringify can write: ${message}`)
  }
  if (text === undefined) throw wrongType('value', value, 'a value that JSON.stringify can write')
  return text
}
