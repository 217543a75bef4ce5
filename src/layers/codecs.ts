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

/** How a codec goes by text: the cache writes and reads it as UTF-8, without an array of bytes in between. */
export interface TextForm<T> {
  toText(value: T): string
  fromText(text: string): T
}

/** The forms of the codecs that go by text, by each of their functions. */
const textForms = new WeakMap<object, TextForm<unknown>>()

function textual<T>(form: TextForm<T>): Codec<T> {
  const codec: Codec<T> = {
    encode: (value) => encoder.encode(form.toText(value)),
    decode: (bytes) => form.fromText(decoder.decode(bytes)),
  }
  textForms.set(codec.encode, form as TextForm<unknown>)
  textForms.set(codec.decode, form as TextForm<unknown>)
  return codec
}

/** The text form of a codec; undefined if it has none, or if one of its functions was replaced. */
export function textFormOf<T>({ encode, decode }: Codec<T>): TextForm<T> | undefined {
  const form = textForms.get(encode)
  return form !== undefined && form === textForms.get(decode) ? (form as TextForm<T>) : undefined
}

/** The codecs that orbit brings: `json`, `text`, `bytes`, `pod` and `clone`. */
export const codecs = Object.freeze({
  /**
   * What JSON.stringify keeps of a value. Encoding throws a TypeError for a value without JSON, decoding a SyntaxError.
   */
  json: <T>(): Codec<T> => textual<T>({ toText: jsonOf, fromText: (text) => JSON.parse(text) as T }),

  /** Strings, as UTF-8. Encoding throws a TypeError for a value that is not a string. */
  text: (): Codec<string> =>
    textual({
      toText(value) {
        if (typeof value !== 'string') throw wrongType('value', value, 'a string')
        return value
      },
      fromText: (text) => text,
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
