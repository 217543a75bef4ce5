import { deserialize, serialize } from 'node:v8'

/** The first byte of a value; 255 is that of structured clone. */
const [numberTag, textTag] = [1, 2]
/** The longest text with a form of its own, in characters. */
const longestText = 64

const double = new Float64Array(1)
const bytesOfDouble = new Uint8Array(double.buffer)

/**
 * A value of a store as bytes. Numbers and short texts have forms of their own, which take a fifth of the time of
 * structured clone.
 */
export function encodeValue(value: unknown): Uint8Array {
  if (typeof value === 'number') {
    const bytes = new Uint8Array(9)
    double[0] = value
    bytes[0] = numberTag
    for (let i = 0; i < 8; i++) bytes[i + 1] = bytesOfDouble[i] as number
    return bytes
  }
  return (typeof value === 'string' && value.length <= longestText && encodeText(value)) || serialize(value)
}

/** A text of Latin-1, one byte a character; undefined: it has other characters. */
function encodeText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length + 1)
  bytes[0] = textTag
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255) return undefined
    bytes[i + 1] = code
  }
  return bytes
}

/** The value of bytes that `encodeValue` has made. */
export function decodeValue(bytes: Uint8Array): unknown {
  if (bytes[0] === numberTag && bytes.length === 9) {
    for (let i = 0; i < 8; i++) bytesOfDouble[i] = bytes[i + 1] as number
    return double[0]
  }
  if (bytes[0] !== textTag) return deserialize(bytes)
  let text = ''
  for (let i = 1; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}
