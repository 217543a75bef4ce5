import { native } from '../core/native.js'
import type { Ring } from '../core/ring.js'
import { leaveMiss, resultBytes, resultFrom, resultHead, resultPosition, resultTo, scratch } from '../core/scratch.js'

/** What the last lookup of a key found. Take from it what you need before the next call into the addon. */
export class Lookup {
  /** The key has a value, which was copied into the scratch. */
  readonly isHit: boolean
  /** The value of the key is the one that the caller knows already; it was not copied. */
  readonly isUnchanged: boolean

  constructor(status: number) {
    this.isHit = status === 1
    this.isUnchanged = status === 2
  }

  /** The position of the put, delete or reset that decided; -1: no retained frame did. */
  position(): number {
    return resultPosition()
  }

  /** The head of the ring when the lookup began. */
  head(): number {
    return resultHead()
  }

  /** Milliseconds until the value of a hit expires; -1: never. */
  expiresInMs(): number {
    return resultTo()
  }

  /** A private copy of the value of a hit. */
  value(): Uint8Array {
    const at = resultFrom()
    return scratch.bytes.slice(at, at + resultBytes())
  }
}

const miss = new Lookup(0)
const hit = new Lookup(1)
const unchanged = new Lookup(2)

/**
 * Looks up the key that the caller put into the scratch.
 *
 * @param lengths namespaceBytes << 8 and keyBytes << 16
 * @param known a position at which this key was found; if that put is still the newest, nothing is copied
 */
export function lookUp(ring: Ring, lengths: number, known: number): Lookup {
  const status = ring.orThrow(native.cacheFind(ring.handle, lengths, known))
  return status === 1 ? hit : status === 2 ? unchanged : miss
}

/** A miss without a look: no frame can hold the key, or there is no ring yet. */
export function missAt(head: number): Lookup {
  leaveMiss(head)
  return miss
}
