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
    const { key, ...head } = JSON.parse(bytes.toString('utf8', 4, end))
    const value = head.op === 'put' ? { value: bytes.subarray(end) } : {}
    return { ...head, ...(key !== undefined && { key: Buffer.from(key, 'base64') }), ...value }
  } catch {
    return undefined
  }
}
