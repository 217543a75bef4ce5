import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs'

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
  /** Memory for the next frame. */
  #spare: Buffer | undefined

  constructor(path: string, pageBytes: number) {
    this.#file = openSync(path, 'r+')
    this.#pageBytes = pageBytes
  }

  /** How long the log is, in bytes. */
  get bytes(): number {
    return this.#end
  }

  /**
   * What the commit has changed that was made since the last call; undefined: there was none. Call it while no
   * transaction is open. Throws if there were several: then it is not known what the earlier ones have changed.
   */
  next(): ChangedPages | undefined {
    this.#findBegin()
    let changed: ChangedPages | undefined
    let pages = new Map<number, Uint8Array>()
    let at = this.#end
    for (let frame = this.#frame(at); frame !== undefined; frame = this.#frame(at)) {
      at += frame.length
      pages.set(frame.readUInt32BE(0), frame.subarray(frameHeaderBytes))
      const count = frame.readUInt32BE(4)
      if (count === 0) continue
      if (changed !== undefined) throw new Error('the log of the database has a commit that was not made by its actor')
      this.#end = at
      for (const number of pages.keys()) if (number > count) pages.delete(number)
      changed = { pages, count }
      pages = new Map()
    }
    // What was rolled back is left without a commit. The next call would read it again.
    if (at > this.#end) ftruncateSync(this.#file, this.#end)
    return changed
  }

  /** A log that has begun anew has another salt, or no header yet. */
  #findBegin(): void {
    const salt = this.#read(this.#header, 0) < headerBytes ? 0n : this.#header.readBigUInt64BE(16)
    if (salt !== this.#salt) this.#end = headerBytes
    this.#salt = salt
  }

  /** The frame at a position; undefined: none of this use of the log. */
  #frame(at: number): Buffer | undefined {
    const frame = this.#spare ?? Buffer.allocUnsafe(frameHeaderBytes + this.#pageBytes)
    const isFrame = this.#read(frame, at) === frame.length && frame.readBigUInt64BE(8) === this.#salt
    this.#spare = isFrame ? undefined : frame
    return isFrame ? frame : undefined
  }

  #read(bytes: Uint8Array, at: number): number {
    return readSync(this.#file, bytes, 0, bytes.length, at)
  }

  close(): void {
    closeSync(this.#file)
  }
}
