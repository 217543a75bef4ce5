import type { Frame } from '../core/frame.js'
import type { Message } from '../core/message.js'
import type { OrbitEvent } from '../layers/event.js'
import { expiresInMs, type Mutation, mutationOf } from '../layers/mutation.js'
import { hexLines, hexOf, shortHex } from './hex.js'
import type { Output } from './output.js'
import { type Decoded, decode } from './payload.js'
import { clockText, counted, durationText, printable } from './text.js'

/** What `dump` and `tail` show: one line each, or a JSON object. */
export type Item =
  | { readonly item: 'event'; readonly event: OrbitEvent }
  | { readonly item: 'mutation'; readonly frame: Frame; readonly mutation: Mutation }
  | { readonly item: 'frame'; readonly frame: Frame; readonly decoded: Decoded }
  | { readonly item: 'message'; readonly instance: number; readonly message: Message; readonly decoded: Decoded }
  | {
      readonly item: 'loss'
      readonly from: number
      readonly to: number
      readonly lost: number
      readonly malformed: number
    }

export function itemOf(isCache: boolean, frame: Frame, read: (bytes: Uint8Array) => Decoded): Item {
  const mutation = isCache ? mutationOf(frame) : undefined
  if (mutation !== undefined) return { item: 'mutation', frame, mutation }
  return { item: 'frame', frame, decoded: read(frame.payload) }
}

export interface ItemOptions {
  /** Show every payload in hex, including text. */
  readonly isHex: boolean
}

const decoded = (bytes: Uint8Array, { isHex }: ItemOptions, known?: Decoded): Decoded =>
  isHex ? { format: 'hex', payload: hexOf(bytes) } : (known ?? decode(bytes))

/** An item as a JSON object, which has the same keys for every item of its kind. */
export function itemJson(item: Item, options: ItemOptions): object {
  if (item.item === 'loss') return item
  if (item.item === 'event') {
    const { id, position, node, topic, timestampMs, payload } = item.event
    const head = { item: 'event', id, position, node, topic, timestampMs }
    return { ...head, bytes: payload.length, ...decoded(payload, options) }
  }
  if (item.item === 'message') {
    const { position, node, frameKind, version, payload } = item.message
    const head = { item: 'message', instance: item.instance, position, node, frameKind, version }
    return { ...head, bytes: payload.length, ...decoded(payload, options, item.decoded) }
  }
  const { id, position, node, frameKind, version, payload } = item.frame
  if (item.item === 'frame') {
    const head = { item: 'frame', id, position, node, frameKind, version }
    return { ...head, bytes: payload.length, ...decoded(payload, options, item.decoded) }
  }
  const { op, namespace, key, value } = item.mutation
  const head = { item: 'mutation', id, position, node, op, namespace, key, expiresInMs: expiresInMs(item.mutation) }
  return { ...head, bytes: value.length, ...decoded(value, options) }
}

/** An item as text: one line, and more lines with `isHex`. */
export function itemText(output: Output, item: Item, options: ItemOptions): string {
  if (item.item === 'loss') return lossText(output, item)
  if (item.item === 'event') return eventText(output, item.event, options)
  if (item.item === 'mutation') return mutationText(output, item.frame, item.mutation, options)
  if (item.item === 'message') {
    const head = `${output.paint('dim', `inbox ${item.instance}`)} ${frameHead(output, item.message)}`
    return withBytes(output, head, item.message.payload, options, item.decoded)
  }
  return withBytes(output, frameHead(output, item.frame), item.frame.payload, options, item.decoded)
}

function eventText(output: Output, event: OrbitEvent, options: ItemOptions): string {
  const { position, node, topic, timestampMs, payload } = event
  const place = output.paint('dim', `${clockText(timestampMs)} #${position} node ${node}`)
  return withBytes(output, `${place}  ${output.paint('cyan', printable(topic))}`, payload, options)
}

function mutationText(output: Output, { position, node }: Frame, mutation: Mutation, options: ItemOptions): string {
  const { op, namespace, key, value } = mutation
  const path = namespace === '' ? key : `${namespace}/${key}`
  const left = expiresInMs(mutation)
  const until = left === null ? '' : left <= 0 ? ' (expired)' : ` (${durationText(left)} left)`
  const place = output.paint('dim', `#${position} node ${node}`)
  const head = `${place}  ${output.paint('cyan', `${op} ${printable(path)}`)}${until}`
  return op === 'put' ? withBytes(output, head, value, options) : head
}

function frameHead(output: Output, { position, node, frameKind, version }: Frame | Message): string {
  const kindText = frameKind === 0 ? '' : ` kind ${frameKind}`
  const versionText = version === 0 ? '' : ` version ${version}`
  return output.paint('dim', `#${position} node ${node}${kindText}${versionText}`)
}

function lossText(output: Output, { from, to, lost, malformed }: Extract<Item, { item: 'loss' }>): string {
  const parts = [
    ...(lost > 0 ? [`${counted(lost, 'frame')} overwritten`] : []),
    ...(malformed > 0 ? [`${counted(malformed, 'frame')} damaged`] : []),
  ]
  return output.paint('yellow', `--- lost: ${parts.join(', ')} (of positions ${from}..${to - 1}) ---`)
}

function withBytes(output: Output, head: string, bytes: Uint8Array, options: ItemOptions, known?: Decoded): string {
  if (options.isHex) return [head, ...hexLines(bytes)].join('\n')
  const { format, payload } = decoded(bytes, options, known)
  if (format === 'empty') return `${head}  ${output.paint('dim', 'empty')}`
  if (format === 'hex') return `${head}  ${shortHex(bytes)}`
  return `${head}  ${printable(format === 'text' ? String(payload) : JSON.stringify(payload))}`
}
