import type { CacheBytes, StorePutOptions } from 'orbit-node'

/** A change of a store that other hosts are to make too. */
export type Change = {
  readonly store: string
  /**
   * The host of the change makes it again when the log has it, among the puts of other hosts: so all hosts end with the
   * same value.
   */
  readonly isOrdered: boolean
} & (
  | { readonly op: 'delete' | 'reset'; readonly namespace: string; readonly key: Uint8Array }
  | { readonly op: 'tags'; readonly tags: readonly string[] }
  | {
      readonly op: 'put'
      readonly namespace: string
      readonly key: Uint8Array
      readonly value: Uint8Array
      readonly options: StorePutOptions
    }
)

/** The bytes of a key or a value. */
export const bytesOf = (data: CacheBytes): Uint8Array => (typeof data === 'string' ? Buffer.from(data) : data)

/** A change as the payload of an event: the length of its head, the head as JSON, and the value of a put. */
export function encodeChange(change: Change): Uint8Array {
  const value = change.op === 'put' ? change.value : new Uint8Array(0)
  const { key, value: _, ...rest } = { key: undefined, value: undefined, ...change }
  const head = Buffer.from(JSON.stringify({ ...rest, ...(key && { key: Buffer.from(key).toString('base64') }) }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, value])
}

/** The change in these bytes; undefined: they are none. */
export function decodeChange(payload: Uint8Array): Change | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  if (bytes.length < 4) return undefined
  const end = 4 + bytes.readUInt32LE(0)
  if (end > bytes.length) return undefined
  try {
    return changeOf(JSON.parse(bytes.toString('utf8', 4, end)), bytes.subarray(end))
  } catch {
    return undefined
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isTime = (value: unknown): boolean => value === undefined || (Number.isSafeInteger(value) && Number(value) > 0)

function tagsIn(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every(isText) ? value : undefined
}

/** The change with this head; undefined: a newer version, or another program, wrote it. */
function changeOf(head: Record<string, unknown>, value: Uint8Array): Change | undefined {
  const { op, store, namespace, isOrdered, key } = head
  if (!isText(store) || typeof isOrdered !== 'boolean') return undefined
  if (op === 'tags') {
    const tags = tagsIn(head['tags'])
    return tags && { op, store, isOrdered, tags }
  }
  if (!isText(namespace) || !isText(key)) return undefined
  const what = { store, namespace, isOrdered, key: Buffer.from(key, 'base64') }
  if (op === 'delete' || op === 'reset') return { op, ...what }
  const options = optionsIn(head['options'])
  return op === 'put' && options !== undefined ? { op, ...what, value, options } : undefined
}

function optionsIn(value: unknown): StorePutOptions | undefined {
  const { ttlMs, staleMs, tags } = Object(value)
  if (!isTime(ttlMs) || !isTime(staleMs) || (tags !== undefined && tagsIn(tags) === undefined)) return undefined
  return { ...(ttlMs && { ttlMs }), ...(staleMs && { staleMs }), ...(tags && { tags }) }
}
