// Messages in a stream of bytes: the length of each, in 4 bytes, and its bytes.

const headBytes = 4
const roomBytes = 65_536

/**
 * Writes the first frame of a tick at once, and gathers the others for one write: as early as a write each, and in
 * bursts ten times as many as those (on a busy machine; twice as many as cork and uncork around a write each).
 */
export class FrameWriter {
  readonly #write: (frames: Buffer) => void
  readonly #writeLater = () => {
    this.#isLater = false
    this.write()
  }
  #room = Buffer.allocUnsafeSlow(roomBytes)
  #begin = 0
  #end = 0
  #isLater = false

  /** @param write may keep the frames: they do not change */
  constructor(write: (frames: Buffer) => void) {
    this.#write = write
  }

  add(message: Uint8Array): void {
    if (this.#end + headBytes + message.length > this.#room.length) {
      this.write()
      this.#room = Buffer.allocUnsafeSlow(Math.max(roomBytes, headBytes + message.length))
      this.#begin = this.#end = 0
    }
    this.#room.writeUInt32LE(message.length, this.#end)
    this.#room.set(message, this.#end + headBytes)
    this.#end += headBytes + message.length
    if (this.#isLater) return
    this.#isLater = true
    process.nextTick(this.#writeLater)
    this.write()
  }

  write(): void {
    if (this.#begin === this.#end) return
    this.#write(this.#room.subarray(this.#begin, this.#end))
    this.#begin = this.#end
  }
}

/** Finds the messages again, wherever the stream was cut. */
export class FrameReader {
  readonly #hear: (message: Buffer) => void
  #rest: Buffer | undefined

  constructor(hear: (message: Buffer) => void) {
    this.#hear = hear
  }

  take(bytes: Buffer): void {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (at + headBytes <= all.length) {
      const end = at + headBytes + all.readUInt32LE(at)
      if (end > all.length) break
      this.#hear(all.subarray(at + headBytes, end))
      at = end
    }
    this.#rest = at === all.length ? undefined : all.subarray(at)
  }
}
