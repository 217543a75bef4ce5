/** The bytes in hex, without spaces. */
export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')

const readable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')

const spaced = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

const shortBytes = 32

/** The first bytes on one line, in hex and as ASCII. */
export function shortHex(bytes: Uint8Array): string {
  const first = bytes.subarray(0, shortBytes)
  const more = bytes.length > shortBytes ? ` ... ${bytes.length} bytes` : ''
  return `${spaced(first)}${more}  |${readable(first)}|`
}

/** All bytes, sixteen on a line, in the form of hexdump -C. */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16)
    lines.push(`    ${at.toString(16).padStart(6, '0')}  ${spaced(line).padEnd(47)}  |${readable(line)}|`)
  }
  return lines
}
