import { type Layout, wordLeaves } from './leaf.js'
import { interpret } from './marshal.js'
import { array, bytes, Pod, type PodFields, type PodType, text } from './pod.js'

/** How deep pods and arrays may be nested; the schema of a real ring is far less deep. */
const maxDepth = 32

/**
 * Makes the pod that has this `schema`, for reading frames of a type that this process does not define. The text comes
 * from shared memory: nothing is compiled from it, and it is accepted only if the pod that it describes has the same
 * text.
 *
 * @returns undefined if the text is no schema
 */
export function podOfSchema(schema: string): Pod<unknown> | undefined {
  const reader = new Reader(schema)
  try {
    const type = reader.type(maxDepth)
    return type instanceof Pod && reader.isAtEnd && type.schema === schema ? type : undefined
  } catch {
    return undefined // thrown by the reader, or by pod() for an impossible name or length
  }
}

class NotASchema extends Error {}

/** Parses `{"name":type,...}`, the kind of a word, `bytes(n)` and `text(n)`, each with any number of `[n]`. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length
  }

  type(depth: number): PodType {
    if (depth === 0) throw new NotASchema()
    let type: PodType = this.#text[this.#at] === '{' ? this.#pod(depth) : this.#leaf()
    for (let length = this.#take(/\[(\d{1,8})\]/y); length !== undefined; length = this.#take(/\[(\d{1,8})\]/y)) {
      if (--depth === 0) throw new NotASchema()
      type = array(type, Number(length))
    }
    return type
  }

  #pod(depth: number): PodType {
    const fields: [string, PodType][] = []
    do {
      this.#at++ // the brace or the comma
      const name = this.#take(/("(?:[^"\\]|\\.)*"):/y)
      if (name === undefined) throw new NotASchema()
      fields.push([JSON.parse(name), this.type(depth - 1)])
    } while (this.#text[this.#at] === ',')
    if (this.#take(/(\})/y) === undefined) throw new NotASchema()
    // Not compiled: these names come from shared memory.
    return Pod.define(Object.fromEntries(fields) as PodFields, (layout: Layout) => interpret(layout))
  }

  #leaf(): PodType {
    const word = this.#take(/([a-z]+\d*)(?![\w(])/y)
    if (word !== undefined && Object.hasOwn(wordLeaves, word)) return word as PodType
    const length = this.#take(/bytes\((\d{1,8})\)/y)
    if (length !== undefined) return bytes(Number(length))
    const textLength = this.#take(/text\((\d{1,8})\)/y)
    if (textLength !== undefined) return text(Number(textLength))
    throw new NotASchema()
  }

  /** Takes the group of a pattern that matches here; undefined if it does not match. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match[1]
  }
}
