import { type Layout, wordLeaves } from './leaf.js'
import { interpret } from './marshal.js'
import { array, bytes, Pod, type PodFields, type PodType, text } from './pod.js'

/** Pods and arrays within one another; a ring's own text has no more than a person would write. */
const maxDepth = 32

/**
 * The pod whose `schema` this text is, for reading frames of a type that this process does not have. The text comes from
 * shared memory: nothing is compiled from it, and it is believed only if the pod that it describes has that very text.
 *
 * @returns undefined when the text is no schema
 */
export function podOfSchema(schema: string): Pod<unknown> | undefined {
  const reader = new Reader(schema)
  try {
    const type = reader.type(maxDepth)
    return type instanceof Pod && reader.isAtEnd && type.schema === schema ? type : undefined
  } catch {
    return undefined // by the reader, or by pod() for a name or a length that cannot be
  }
}

class NotASchema extends Error {}

/** Recursive descent over `{"name":type,...}`, a word's kind, `bytes(n)`, `text(n)`, each with any number of `[n]`. */
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
    // Not compiled: these names are not ours.
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

  /** The group of a pattern that matches here; undefined: it does not. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match[1]
  }
}
