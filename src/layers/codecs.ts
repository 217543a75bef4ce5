import { TextDecoder, TextEncoder } from 'node:util'
import { wrongType } from '../base/check.js'
import { jsonOf } from '../base/json.js'
import type { Pod } from '../pod/pod.js'

/** How values of one type become bytes and come back. */
export interface Codec<T> {
  /** The bytes of a value. They are copied at once. An error that it throws is thrown by `put`. */
  encode(value: T): Uint8Array
  /** The value of bytes, which are a private copy and may be kept. An error that it throws is thrown by `get`. */
  decode(bytes: Uint8Array): T
}

const encoder = new TextEncoder()
// A byte order mark is a character of the text like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The codecs that orbit brings: `json`, `text`, `bytes`, `pod` and `clone`. */
export const codecs = Object.freeze({
  /**
   * What JSON.stringify keeps of a value. Encoding throws a TypeError for a value without JSON, decoding a SyntaxError.
   */
  json: <T>(): Codec<T> => ({
    encode: (value) => encoder.encode(jsonOf(value)),
    decode: (bytes) => JSON.parse(decoder.decode(bytes)) as T,
  }),

  /** Strings, as UTF-8. Encoding throws a TypeError for a value that is not a string. */
  text: (): Codec<string> => ({
    encode(value) {
      if (typeof value !== 'string') {
        throw wrongType('value', value, 'a string')
      }
      return encoder.encode(value)
    },
    decode: (bytes) => decoder.decode(bytes),
  }),

  /** Bytes, as they are. */
  bytes: (): Codec<Uint8Array> => ({ encode: (value) => value, decode: (bytes) => bytes }),

  /** Values of a pod, in its fixed layout. Encoding throws a TypeError or RangeError for a value that does not fit. */
  pod: <T>(layout: Pod<T>): Codec<T> => ({
    encode: (value) => layout.encode(value),
    decode: (bytes) => layout.decode(bytes),
  }),

  /**
   * What structuredClone keeps of a value: Map, Set, Date, bigint, cycles (node:v8). All processes need a version of
   * Node that can read the format.
   */
  clone: <T>(): Codec<T> => {
    const { deserialize, serialize } = process.getBuiltinModule('node:v8') // not imported: it loads slowly
    return { encode: (value) => serialize(value), decode: (bytes) => deserialize(bytes) as T }
  },
})
