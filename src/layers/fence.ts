import { checkInteger } from '../base/check.js'

/**
 * Guards a resource against writes by former holders: it admits a token only if no higher one was
 * admitted before. Keep one per resource. After Kleppmann, "How to do distributed locking".
 */
export class Fence {
  #highWater: number

  /**
   * @param highWater the highest token that an earlier fence of this resource admitted, 0..2^53-1; default 0: none
   * @throws TypeError or RangeError for a wrong `highWater`
   */
  constructor(highWater = 0) {
    checkInteger('highWater', highWater, 0, Number.MAX_SAFE_INTEGER)
    this.#highWater = highWater
  }

  /** The highest token that was admitted, 0..2^53-1; 0: none. Store it with the resource. */
  get highWater(): number {
    return this.#highWater
  }

  /**
   * Whether the holder of a token may write.
   *
   * @param token 0..2^53-1
   * @returns true: it may, and lower tokens are refused from now on; false: a higher token was admitted before
   * @throws TypeError or RangeError for a wrong token
   */
  admit(token: number): boolean {
    checkInteger('token', token, 0, Number.MAX_SAFE_INTEGER)
    if (token < this.#highWater) return false
    this.#highWater = token
    return true
  }
}
