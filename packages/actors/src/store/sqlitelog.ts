import { closeSync, openSync, readSync } from 'node:fs'

/** What a log of SQLite has before its frames, and each frame before its page (section 4 of its file format). */
const [headerBytes, frameHeaderBytes] = [32, 24]

/** What a commit has changed. */
export interface ChangedPages {
  /** The pages by their numbers, from 1 on. */
  readonly pages: ReadonlyMap<number, Uint8Array>
  /** How many pages the database has since. */
  readonly count: number
}

/** Reads from the log of a database what each commit has changed. The database belongs to this process alone. */
export class SqliteLog {
  readonly #file: number
  readonly #pageBytes: number
  readonly #header = Buffer.alloc(headerBytes)
  /** What tells this use of the log from earlier ones. */
  #salt = 0n
  #end = headerBytes

  constructor(path: string, pageBytes: number) {
    this.#file = openSync(path, 'r')
    this.#pageBytes = pageBytes
  }

  /** How long the log is, in bytes. */
  get bytes(): number {
    return this.#end
  }

  /** What the commit has changed that was made since the last call; undefined: nothing. */
  next(): ChangedPages | undefined {
    if (this.#read(this.#header, 0) < headerBytes) return undefined
    const salt = this.#header.readBigUInt64BE(16)
    if (salt !== this.#salt) this.#end = headerBytes
    this.#salt = salt
    const pages = new Map<number, Uint8Array>()
    for (let at = this.#end; ; at += frameHeaderBytes + this.#pageBytes) {
      const frame = Buffer.allocUnsafe(frameHeaderBytes + this.#pageBytes)
      // What a transaction has left that was rolled back ends without a commit.
      if (this.#read(frame, at) < frame.length || frame.readBigUInt64BE(8) !== salt) return undefined
      pages.set(frame.readUInt32BE(0), frame.subarray(frameHeaderBytes))
      const count = frame.readUInt32BE(4)
      if (count === 0) continue
      this.#end = at + frame.length
      for (const number of pages.keys()) if (number > count) pages.delete(number)
      return { pages, count }
    }
  }

  #read(bytes: Uint8Array, at: number): number {
    return readSync(this.#file, bytes, 0, bytes.length, at)
  }

  close(): void {
    closeSync(this.#file)
  }
}
