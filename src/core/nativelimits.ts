/** Of a rate limiter that is to be opened, and of the table of a fleet in which it is. */
export interface NativeLimiter {
  readonly kind: number
  /** The size of a new table, a power of two. */
  readonly entries: number
  /** Whether a member that is alone makes a table of another size anew. */
  readonly isAsked: boolean
  readonly name: string
  /** 0: gcra, 1: fixed, 2: sliding. */
  readonly algorithm: number
  readonly limit: number
  readonly windowMs: number
  readonly burst: number
}

/** What the addon counts in a table of limits. */
export interface NativeLimits {
  readonly entries: number
  /** Keys that have taken something within their windows. */
  readonly present: number
  /** Keys that a process has begun to enter. */
  readonly tentative: number
  /** Decisions that found no entry. */
  readonly full: number
  readonly objectBytes: number
}
