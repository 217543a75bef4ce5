import { OrbitError, rangeError } from '../base/errors.js'
import type { Fleet } from './fleet.js'
import { native, translated } from './native.js'

/** The most bytes of a blob. */
const maxBlobBytes = 2 ** 24

/** Where the bytes of a blob are. */
export interface BlobPlace {
  /** The member that wrote it. */
  readonly node: number
  readonly number: number
  /** Of the fleet handle that wrote it: an earlier member of this node may have used the number. */
  readonly key: number
  readonly bytes: number
}

/**
 * Bytes that are too large for a slot, each in an object of its own: written once, read by one process, and removed. A
 * member that dies leaves its blobs to the next member of its node, and the fleet removes the rest when it ends.
 */
export class Blobs {
  readonly #fleet: Fleet
  readonly #key = Math.floor(Math.random() * 2 ** 53)
  #number = Math.floor(Math.random() * 2 ** 32)

  constructor(fleet: Fleet) {
    this.#fleet = fleet
  }

  /**
   * @param what names the bytes in errors
   * @throws RangeError ERR_ORBIT_PAYLOAD_SIZE for more than 16 MiB; ERR_ORBIT_NO_SPACE
   */
  write(bytes: Uint8Array, what: string): BlobPlace {
    if (bytes.length > maxBlobBytes) {
      const text = `${what} has ${bytes.length} bytes, and must have at most ${maxBlobBytes}`
      throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', text)
    }
    const { handle, node } = this.#fleet
    do this.#number = (this.#number + 1) % 2 ** 32
    while (!translated(() => native.blobWrite(handle, this.#number, this.#key, bytes)))
    return { node, number: this.#number, key: this.#key, bytes: bytes.length }
  }

  /** @throws ERR_ORBIT_CORRUPT if it was removed, which only a foreign process or the end of the fleet does early */
  read({ node, number, key, bytes }: BlobPlace): Buffer {
    const target = bytes > maxBlobBytes ? Buffer.alloc(0) : Buffer.allocUnsafeSlow(bytes)
    const isThere = target.length === bytes
    if (isThere && translated(() => native.blobRead(this.#fleet.handle, node, number, key, target))) return target
    throw new OrbitError('ERR_ORBIT_CORRUPT', `the ${bytes} bytes of a call from node=${node} are gone: call again`)
  }

  /** Reads the bytes and removes them; throws as `read` does. */
  take(place: BlobPlace): Buffer {
    const bytes = this.read(place)
    this.remove(place)
    return bytes
  }

  /** As `take`, for a function that reads several places. */
  readonly load = (place: BlobPlace): Buffer => this.take(place)

  /** Removes it if it is there. The end of a fleet removes what is left. */
  remove({ node, number }: BlobPlace): void {
    if (this.#fleet.closed) return
    translated(() => native.blobRemove(this.#fleet.handle, node, number))
  }
}
