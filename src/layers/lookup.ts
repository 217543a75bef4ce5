import { native } from '../core/native.js'
import type { Ring } from '../core/ring.js'
import {
  give,
  inScratch,
  leaveMiss,
  resultBytes,
  resultFrom,
  resultHead,
  resultPosition,
  resultTo,
} from '../core/scratch.js'
import { placeFor, takeCopy } from '../core/slab.js'

/** What the last lookup of a key found. Take from it what you need before the next call into the addon. */
export class Lookup {
  /** The key has a value, which was copied. */
  readonly isHit: boolean

  constructor(status: number) {
    this.isHit = status === 1
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

  /** The value of a hit that was looked up to be kept, once; its buffer holds other copies, too. */
  value(): Uint8Array {
    return takeCopy(place, resultFrom(), resultBytes())
  }
}

const framesPerTurn = 4096

const miss = new Lookup(0)
const hit = new Lookup(1)

/** Where the value of the last hit is. */
let place = inScratch

/**
 * Looks up the key that the caller put into the scratch, for a value that is kept.
 *
 * @param lengths namespaceBytes << 8 and keyBytes << 16
 */
export function lookUp(ring: Ring, lengths: number): Lookup {
  place = placeFor(ring.payloadBytes)
  give(-1, ring.handle, place, lengths, 0)
  const status = native.cacheFind()
  if (status === undefined) return hit
  ring.orThrow(status)
  return miss
}

/** Notes older frames in the index of the ring, for less than a millisecond mostly; false: there are no more. */
export function noteOlder(ring: Ring): boolean {
  give(0, ring.handle, 0, framesPerTurn, 0)
  return ring.orThrow(native.cacheNote()) > 0
}

/** A miss without a look: no frame can hold the key, or there is no ring yet. */
export function missAt(head: number): Lookup {
  leaveMiss(head)
  return miss
}
