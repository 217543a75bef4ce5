// The form of sizes, times and text of unknown origin on a terminal.

/** Control characters, characters that hide or change the direction, Unicode line ends, lone surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Escapes every character of a text that a terminal could interpret. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) as number
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    const hex = code.toString(16)
    return code < 256 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
  })
}

/** Escapes every character of JSON that a terminal could interpret. The JSON keeps its meaning. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const mark = /\p{Mark}/u

/** How many columns a character takes. */
const widthOf = (character: string): number =>
  character < '\u0300' ? 1 : mark.test(character) ? 0 : wide.test(character) ? 2 : 1

/** How many columns a text without escapes takes. */
export function textWidth(text: string): number {
  let width = 0
  for (const character of text) width += widthOf(character)
  return width
}

/** The text, or as much of it as fits, with an ellipsis. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let kept = ''
  let left = width - 1
  for (const character of text) {
    left -= widthOf(character)
    if (left < 0) break
    kept += character
  }
  return width > 0 ? `${kept}…` : ''
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with Esc.
const style = /\x1b\[[\d;]*m/g

/** A line without the styles of `Output.paint`. */
export const unstyled = (line: string): string => line.replace(style, '')

/** A line with styles, or as much of it as fits. A line that is cut loses its styles. */
export const fitted = (line: string, width: number): string => {
  const plain = unstyled(line)
  return textWidth(plain) <= width ? line : cut(plain, width)
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let value = bytes
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`
  if (ms < 48 * 3_600_000) return `${Math.floor(ms / 3_600_000)} h`
  return `${Math.floor(ms / 86_400_000)} d`
}

export function rateText(perSecond: number): string {
  if (perSecond < 1000) return `${perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)}`
  return perSecond < 1e6 ? `${(perSecond / 1e3).toFixed(1)}k` : `${(perSecond / 1e6).toFixed(1)}M`
}

/** `1 node`, `2 nodes`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** The local time of day. */
export function clockText(unixMs: number): string {
  const date = new Date(unixMs)
  if (Number.isNaN(date.getTime())) return '??:??:??.???'
  const two = (value: number) => String(value).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

export const fingerprintText = (fingerprint: bigint): string => `0x${fingerprint.toString(16).padStart(16, '0')}`
