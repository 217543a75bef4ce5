import { shown } from '../base/check.js'
import { rangeError, typeError } from '../base/errors.js'

export const everyTopic: Uint8Array = Buffer.from('>')

/** What the addon matches topics against, which relies on wildcards being whole levels. */
export function patternBytes(pattern: string | undefined): Uint8Array {
  if (pattern === undefined) return everyTopic
  if (typeof pattern !== 'string') {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `pattern=${shown(pattern)} is not a string`)
  }
  const levels = pattern.split('.')
  const last = levels.length - 1
  if (levels.some((level, i) => /[*>]/.test(level) && level !== '*' && !(level === '>' && i === last))) {
    throw rangeError(
      'ERR_ORBIT_OUT_OF_RANGE',
      `pattern=${shown(pattern)}: "*" stands for a whole level, ">" for all the last ones`,
    )
  }
  return Buffer.from(pattern)
}
