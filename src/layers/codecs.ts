import { TextDecoder, TextEncoder } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { shown } from '../base/check.js'
import { typeError } from '../base/errors.js'
import type { Pod } from '../pod/pod.js'

/** How values of a type become bytes and come back. What `decode` is given is a private copy, its own to keep. */
export interface Codec<T> {
  /** The bytes of a value, which are copied before anything else runs. What it throws comes out of the put. */
  encode(value: T): Uint8Array
  /** The value of these bytes. What it throws comes out of the get. */
  decode(bytes: Uint8Array): T
}

const encoder = new TextEncoder()
// A byte order mark is a character of the text like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The codecs that come with orbit. */
export const codecs = Object.freeze({
  /** What JSON.stringify keeps of a value. Encoding throws for what is no JSON, decoding a SyntaxError. */
  json: <T>(): Codec<T> => ({
    encode(value) {
      const json = JSON.stringify(value)
      if (json === undefined) throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `value=${shown(value)} is no JSON`)
      return encoder.encode(json)
    },
    decode: (bytes) => JSON.parse(decoder.decode(bytes)) as T,
  }),

  /** Strings as UTF-8. */
  text: (): Codec<string> => ({
    encode(value) {
      if (typeof value !== 'string') {
        throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `value=${shown(value)} is not a string`)
      }
      return encoder.encode(value)
    },
    decode: (bytes) => decoder.decode(bytes),
  }),

  /** Bytes as they are. */
  bytes: (): Codec<Uint8Array> => ({ encode: (value) => value, decode: (bytes) => bytes }),

  /** A pod layout. */
  pod: <T>(layout: Pod<T>): Codec<T> => ({
    encode: (value) => layout.encode(value),
    decode: (bytes) => layout.decode(bytes),
  }),

  /** What structuredClone keeps: Map, Set, Date, bigint, cycles (node:v8). Both sides need a Node that knows the format. */
  clone: <T>(): Codec<T> => ({ encode: (value) => serialize(value), decode: (bytes) => deserialize(bytes) as T }),
})
