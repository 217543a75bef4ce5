import { native } from '../core/native.js'
import type { Ring } from '../core/ring.js'
import { resultBytes, resultFrom, resultHead, resultPosition, resultTo, scratch } from '../core/scratch.js'

/** What one lookup of a key found. Only its value is still in the scratch: take it before the next call. */
export class Lookup {
  /** The key has a value. */
  readonly isHit: boolean
  /** The value is the one that the caller knows already; it was not copied. */
  readonly isUnchanged: boolean
  /** The frame that decided: a put, delete or reset; -1: no retained frame did. */
  readonly position: number
  /** The head of the ring when the lookup began. */
  readonly head: number

  constructor(status: number, position: number, head: number) {
    this.isHit = status === 1
    this.isUnchanged = status === 2
    this.position = position
    this.head = head
  }

  /** A private copy of the value of a hit. */
  value(): Uint8Array {
    const at = resultFrom()
    return scratch.bytes.slice(at, at + resultBytes())
  }

  /** Milliseconds until the value of a hit expires; -1: never. To be read before the next call, like the value. */
  expiresInMs(): number {
    return resultTo()
  }
}

/**
 * Looks up the key that the caller put into the scratch.
 *
 * @param lengths namespaceBytes << 8 and keyBytes << 16
 * @param known a position at which this key was found; if that put is still the newest, nothing is copied
 */
export function lookUp(ring: Ring, lengths: number, known: number): Lookup {
  const status = ring.orThrow(native.cacheFind(ring.handle, lengths, known))
  return new Lookup(status, resultPosition(), resultHead())
}

/** A miss without a look: no frame can hold the key, or there is no ring yet. */
export function missAt(head: number): Lookup {
  return new Lookup(0, -1, head)
}
