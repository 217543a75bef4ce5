import { checkInteger } from '../base/check.js'

/**
 * What a resource keeps to refuse writes of guards whose time is over: it admits tokens that are not below the highest it
 * has seen. After Kleppmann, "How to do distributed locking".
 */
export class Fence {
  #highWater: number

  /** @param highWater what a fence before this one had seen, 0..2^53-1; default 0: nothing */
  constructor(highWater = 0) {
    checkInteger('highWater', highWater, 0, Number.MAX_SAFE_INTEGER)
    this.#highWater = highWater
  }

  /** The highest token it has admitted: what to persist beside the resource. */
  get highWater(): number {
    return this.#highWater
  }

  /**
   * May the holder of this token write?
   *
   * @param token 0..2^53-1
   * @returns false: somebody with a higher token has; true: from now on lower ones may not
   * @throws TypeError ERR_ORBIT_INVALID_ARGUMENT, RangeError ERR_ORBIT_OUT_OF_RANGE
   */
  admit(token: number): boolean {
    checkInteger('token', token, 0, Number.MAX_SAFE_INTEGER)
    if (token < this.#highWater) return false
    this.#highWater = token
    return true
  }
}
