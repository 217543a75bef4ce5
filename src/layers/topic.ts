import { checkWellFormed, outOfRange, wrongType } from '../base/check.js'

/** The pattern that matches every topic. */
export const everyPattern = '>'
/** The bytes of the pattern that matches every topic. */
export const everyTopic: Uint8Array = Buffer.from(everyPattern)

/** The bytes of a pattern, for the addon to match topics with. It relies on wildcards being whole levels. */
export function patternBytes(pattern: string | undefined): Uint8Array {
  if (pattern === undefined) return everyTopic
  if (typeof pattern !== 'string') {
    throw wrongType('pattern', pattern, 'a string')
  }
  checkWellFormed('pattern', pattern)
  const levels = pattern.split('.')
  const last = levels.length - 1
  if (levels.some((level, i) => /[*>]/.test(level) && level !== '*' && !(level === '>' && i === last))) {
    throw outOfRange('pattern', pattern, 'levels in which "*" is a whole level and ">" is the whole last level')
  }
  return Buffer.from(pattern)
}
