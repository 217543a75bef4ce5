/** Every code that this package throws, with what it means. docs/guide/errors.md has the same sentences. */
export const errorCodes = {
  ERR_ORBIT_INVALID_ARGUMENT: 'An argument has the wrong type or shape.',
  ERR_ORBIT_OUT_OF_RANGE: 'A number is outside its range; the message names both.',
  ERR_ORBIT_INVALID_ID: 'A text or bytes are not a NetId64.',
  ERR_ORBIT_PAYLOAD_SIZE: 'A payload does not fit its ring; nothing was published.',
  ERR_ORBIT_CLOSED: 'The fleet handle or the cursor was closed.',
  ERR_ORBIT_READ_ONLY: 'A handle of an observer was used to write.',
  ERR_ORBIT_NOT_FOUND: 'There is no fleet of this name to observe.',
  ERR_ORBIT_NODE_TAKEN: 'The node asked for is held by a living member.',
  ERR_ORBIT_FLEET_FULL: 'Every node of the fleet is held by a living member.',
  ERR_ORBIT_IN_USE: 'Living members keep the objects from being removed.',
  ERR_ORBIT_BUSY: 'Another process joins, creates or removes something and did not finish in time; it may be stopped.',
  ERR_ORBIT_RETIRED: 'The fleet or the ring was removed while this handle had it open.',
  ERR_ORBIT_KINDS_FULL: 'Types and layers with names have used all 72 KINDs that a fleet has for names.',
  ERR_ORBIT_NO_SPACE: 'Shared memory is full; nothing was left behind.',
  ERR_ORBIT_TABLE_FULL:
    'The table of the contest, the rate limiters or the counters has no room for this subject, key or name.',
  ERR_ORBIT_CLAIM_LOST: 'The claim ended before its holder released it: it expired, or its fleet handle was closed.',
  ERR_ORBIT_TIMEOUT:
    'The subject was not free, an inbox had no room or owner, or a load or call did not end, in the time given.',
  ERR_ORBIT_LOAD_CYCLE: 'The load of a cache key asked for a key that is waiting for this load.',
  ERR_ORBIT_NO_SERVER: 'No living process serves this name; nothing was sent.',
  ERR_ORBIT_NO_HANDLER: 'The process that got the call has no handler of this name; nothing was run.',
  ERR_ORBIT_SERVER_DIED: 'The server of a call died before it answered; `progress` says how far the call had come.',
  ERR_ORBIT_CALLS_FULL: 'As many processes call and serve in this fleet as there is room for.',
  ERR_ORBIT_NO_SPARE:
    'Too many members died in the middle of a write since the fleet was last empty, or a store is too small for them.',
  ERR_ORBIT_EXHAUSTED: 'The ring has reached its last position, or the sum of a counter is outside its range.',
  ERR_ORBIT_PERMISSION:
    'An object of this name belongs to another user than the process has now, or other users may open it.',
  ERR_ORBIT_LAYOUT_MISMATCH: 'An object of this name is not one of this package, or has another layout version.',
  ERR_ORBIT_TYPE_MISMATCH: 'The object holds another type, geometry or fleet size than the caller asked for.',
  ERR_ORBIT_CORRUPT: 'Bytes in shared memory contradict the layout.',
  ERR_ORBIT_SYSTEM: 'A system call failed; `errno` and `syscall` name it.',
  ERR_ORBIT_NATIVE: 'The native addon could not be loaded; the message says what to do on this platform.',
} as const

/** One of the codes in `errorCodes`: the `code` of every error that this package throws. */
export type OrbitErrorCode = keyof typeof errorCodes

/**
 * The error for failures at run time. Wrong arguments throw a TypeError or RangeError with a `code` of `errorCodes`.
 */
export class OrbitError extends Error {
  /** Identifies the error. Codes are stable; messages are not. */
  readonly code: OrbitErrorCode
  /** The error number of the system, if a system call failed. */
  declare readonly errno?: number
  /** The name of the system call that failed. */
  declare readonly syscall?: string

  constructor(
    code: OrbitErrorCode,
    message: string,
    options: { errno?: number; syscall?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OrbitError'
    this.code = code
    if (options.errno !== undefined) this.errno = options.errno
    if (options.syscall !== undefined) this.syscall = options.syscall
  }
}

export function typeError(code: OrbitErrorCode, message: string): TypeError & { code: OrbitErrorCode } {
  return Object.assign(new TypeError(message), { code })
}

export function rangeError(code: OrbitErrorCode, message: string): RangeError & { code: OrbitErrorCode } {
  return Object.assign(new RangeError(message), { code })
}
