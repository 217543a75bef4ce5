import { monotonicMs } from '../base/clock.js'
import type { Frame } from '../core/frame.js'
import { type Decoded, decode, hexOf, type Item, type Mutation } from './decode.js'
import type { Output } from './output.js'
import { clockText, counted, durationText, printable } from './text.js'

export interface ShowOptions {
  /** Every byte, also of text. */
  readonly isHex: boolean
}

const decoded = (bytes: Uint8Array, { isHex }: ShowOptions, known?: Decoded): Decoded =>
  isHex ? { format: 'hex', payload: hexOf(bytes) } : (known ?? decode(bytes))

const expiry = ({ op, expiresAtMs }: Mutation): number | null =>
  op === 'put' && expiresAtMs > 0 ? Math.round(expiresAtMs - monotonicMs()) : null

/** An item as JSON, always with the same keys. */
export function itemJson(item: Item, options: ShowOptions): object {
  if (item.item === 'loss') return item
  if (item.item === 'event') {
    const { id, position, node, topic, timestampMs, payload } = item.event
    return {
      item: 'event',
      id,
      position,
      node,
      topic,
      timestampMs,
      bytes: payload.length,
      ...decoded(payload, options),
    }
  }
  const { id, position, node, frameKind, version, payload } = item.frame
  if (item.item === 'frame') {
    return {
      item: 'frame',
      id,
      position,
      node,
      frameKind,
      version,
      bytes: payload.length,
      ...decoded(payload, options, item.decoded),
    }
  }
  const { op, namespace, key, value } = item.mutation
  const rest = { op, namespace, key, expiresInMs: expiry(item.mutation), bytes: value.length }
  return { item: 'mutation', id, position, node, ...rest, ...decoded(value, options) }
}

/** An item as lines for people. */
export function itemText(output: Output, item: Item, options: ShowOptions): string {
  if (item.item === 'loss') return lossText(output, item)
  if (item.item === 'event') {
    const { position, node, topic, timestampMs, payload } = item.event
    const head = `${output.paint('dim', `${clockText(timestampMs)} #${position} node ${node}`)}  ${output.paint('cyan', printable(topic))}`
    return withBytes(output, head, payload, options)
  }
  if (item.item === 'frame')
    return withBytes(output, frameHead(output, item.frame), item.frame.payload, options, item.decoded)
  const { position, node } = item.frame
  const { op, namespace, key, value } = item.mutation
  const place = namespace === '' ? key : `${namespace}/${key}`
  const left = expiry(item.mutation)
  const until = left === null ? '' : left <= 0 ? ' (expired)' : ` (${durationText(left)} left)`
  const head = `${output.paint('dim', `#${position} node ${node}`)}  ${output.paint('cyan', `${op} ${printable(place)}`)}${until}`
  return op === 'put' ? withBytes(output, head, value, options) : head
}

function frameHead(output: Output, { position, node, frameKind, version }: Frame): string {
  const kind = frameKind === 0 ? '' : ` kind ${frameKind}`
  const shown = version === 0 ? '' : ` version ${version}`
  return output.paint('dim', `#${position} node ${node}${kind}${shown}`)
}

function lossText(output: Output, { from, to, lost, malformed }: Extract<Item, { item: 'loss' }>): string {
  const parts = [
    ...(lost > 0 ? [`${counted(lost, 'frame')} overwritten`] : []),
    ...(malformed > 0 ? [`${counted(malformed, 'frame')} damaged`] : []),
  ]
  return output.paint('yellow', `--- lost: ${parts.join(', ')} (of positions ${from}..${to - 1}) ---`)
}

function withBytes(output: Output, head: string, bytes: Uint8Array, options: ShowOptions, known?: Decoded): string {
  if (options.isHex) return [head, ...hexLines(bytes)].join('\n')
  const { format, payload } = decoded(bytes, options, known)
  if (format === 'empty') return `${head}  ${output.paint('dim', 'empty')}`
  if (format === 'hex') return `${head}  ${shortHex(bytes)}`
  return `${head}  ${printable(format === 'text' ? String(payload) : JSON.stringify(payload))}`
}

const readable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')

const spaced = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

const shortBytes = 32

function shortHex(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, shortBytes)
  const more = bytes.length > shortBytes ? ` ... ${bytes.length} bytes` : ''
  return `${spaced(shown)}${more}  |${readable(shown)}|`
}

/** Sixteen bytes a line, as hexdump -C. */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16)
    lines.push(`    ${at.toString(16).padStart(6, '0')}  ${spaced(line).padEnd(47)}  |${readable(line)}|`)
  }
  return lines
}
