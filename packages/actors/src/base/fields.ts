import { deserialize, serialize } from 'node:v8'

/** The first byte of a value. */
const tag = { undefined: 0, null: 1, false: 2, true: 3, number: 4, text: 5, cloned: 6 }

/** Texts that were read, by their bytes as latin1: names and keys come again and again. */
const texts = new Map<string, string>()
const [mostTexts, longestText] = [4096, 64]
/** Groups of texts, likewise. */
const groups = new Map<string, readonly string[]>()
const longestGroup = 256

/** Whether a value crosses without structured clone. */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  return value === undefined || value === null || typeof value === 'boolean' || typeof value === 'number'
}

/**
 * A value as structured clone writes it; undefined: it crosses without. It may run code of the value, so no message may
 * be under way. Throws for a value that cannot cross.
 */
export function cloned(value: unknown): Uint8Array | undefined {
  return isPlain(value) ? undefined : serialize(value)
}

/** A larger buffer is not kept. */
const mostKept = 2 ** 20

/** Writes the fields of a message, into a buffer that the next message overwrites. */
export class FieldWriter {
  #buffer = Buffer.allocUnsafeSlow(4096)
  #at = 0

  /** Begins a message. */
  begin(version: number): this {
    this.#at = 0
    if (this.#buffer.length > mostKept) this.#buffer = Buffer.allocUnsafeSlow(4096)
    return this.byte(version)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  byte(value: number): this {
    this.#reserve(1)
    this.#buffer[this.#at++] = value
    return this
  }

  number(value: number): this {
    this.#reserve(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
    return this
  }

  #length(value: number, at: number): void {
    this.#buffer.writeUInt32LE(value, at)
  }

  text(value: string): this {
    this.#reserve(4 + 3 * value.length)
    const bytes = this.#buffer.write(value, this.#at + 4)
    this.#length(bytes, this.#at)
    this.#at += 4 + bytes
    return this
  }

  /** Texts that come again and again together: they are read at once. */
  texts(all: readonly string[]): this {
    this.#reserve(4)
    const at = this.#at
    this.#at += 4
    for (const each of all) this.text(each)
    this.#length(this.#at - at - 4, at)
    return this
  }

  /** A value, with what `cloned` returned for it. */
  value(value: unknown, bytes: Uint8Array | undefined): this {
    if (bytes !== undefined) return this.#cloned(bytes)
    if (value === undefined) return this.byte(tag.undefined)
    if (value === null) return this.byte(tag.null)
    if (typeof value === 'boolean') return this.byte(value ? tag.true : tag.false)
    if (typeof value === 'number') return this.byte(tag.number).number(value)
    return this.byte(tag.text).text(value as string)
  }

  #cloned(bytes: Uint8Array): this {
    this.byte(tag.cloned).#reserve(4 + bytes.length)
    this.#length(bytes.length, this.#at)
    this.#buffer.set(bytes, this.#at + 4)
    this.#at += 4 + bytes.length
    return this
  }

  /** The message, until the next one begins. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }

  /** A copy of the message. */
  end(): Uint8Array {
    return Buffer.from(this.view())
  }
}

/** Reads the fields of a message of another process. All of it throws a RangeError for bytes that are none. */
export class FieldReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#at++)
  }

  number(): number {
    this.#at += 8
    return this.#buffer.readDoubleLE(this.#at - 8)
  }

  #take(): number {
    const length = this.#buffer.readUInt32LE(this.#at)
    this.#at += 4 + length
    if (this.#at > this.#buffer.length) throw new RangeError('a field is longer than its message')
    return this.#at - length
  }

  text(): string {
    const from = this.#take()
    if (this.#at - from > longestText) return this.#buffer.toString('utf8', from, this.#at)
    const bytes = this.#buffer.toString('latin1', from, this.#at)
    const known = texts.get(bytes)
    if (known !== undefined) return known
    const text = this.#buffer.toString('utf8', from, this.#at)
    if (texts.size < mostTexts) texts.set(bytes, text)
    return text
  }

  /** What `texts` of a writer has written. */
  texts(): readonly string[] {
    const from = this.#take()
    const end = this.#at
    const bytes = end - from > longestGroup ? undefined : this.#buffer.toString('latin1', from, end)
    const known = bytes === undefined ? undefined : groups.get(bytes)
    if (known !== undefined) return known
    const all: string[] = []
    this.#at = from
    while (this.#at < end) all.push(this.text())
    if (this.#at !== end) throw new RangeError('a text is longer than its group')
    if (bytes === undefined) return all
    if (groups.size >= mostTexts) groups.clear()
    groups.set(bytes, all)
    return all
  }

  value(): unknown {
    switch (this.byte()) {
      case tag.undefined:
        return undefined
      case tag.null:
        return null
      case tag.false:
        return false
      case tag.true:
        return true
      case tag.number:
        return this.number()
      case tag.text:
        return this.text()
      case tag.cloned:
        return deserialize(this.#buffer.subarray(this.#take(), this.#at))
      default:
        throw new RangeError('a field is of no known kind')
    }
  }

  /** Whether all of it was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#buffer.length
  }
}
