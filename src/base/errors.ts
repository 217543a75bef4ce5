/** Every code that this package throws, with what it means. docs/guide/errors.md has the same sentences. */
export const errorCodes = {
  ERR_ORBIT_INVALID_ARGUMENT: 'An argument has the wrong type or shape.',
  ERR_ORBIT_OUT_OF_RANGE: 'A number is outside its range; the message has both.',
  ERR_ORBIT_INVALID_ID: 'A text is not a NetId64.',
  ERR_ORBIT_PAYLOAD_SIZE: 'A payload does not fit its ring; nothing was published.',
  ERR_ORBIT_CLOSED: 'The fleet handle was closed.',
  ERR_ORBIT_READ_ONLY: 'An observer was asked to write.',
  ERR_ORBIT_NOT_FOUND: 'There is no fleet of this name to observe.',
  ERR_ORBIT_NODE_TAKEN: 'The node asked for is held by a living member.',
  ERR_ORBIT_FLEET_FULL: 'Every node of the fleet is held by a living member.',
  ERR_ORBIT_IN_USE: 'Living members keep the objects from being removed.',
  ERR_ORBIT_BUSY: 'Another process has held the lock for joining, creating or removing for over five seconds.',
  ERR_ORBIT_RETIRED: 'The fleet or the ring was removed while this handle had it open.',
  ERR_ORBIT_NO_SPACE: 'Shared memory is full; nothing was left behind.',
  ERR_ORBIT_TABLE_FULL: 'The contest has no room for one more living claim beside those it shares a bucket with.',
  ERR_ORBIT_TIMEOUT: 'The subject was not free in the time given.',
  ERR_ORBIT_NO_SPARE: 'Too many members died in the middle of a publish since the fleet was last empty.',
  ERR_ORBIT_EXHAUSTED: 'The ring has counted to its last position.',
  ERR_ORBIT_PERMISSION: 'An object at our name belongs to another user, or gives others access.',
  ERR_ORBIT_LAYOUT_MISMATCH: 'An object at our name has a foreign magic or another layout version.',
  ERR_ORBIT_TYPE_MISMATCH: 'The object holds another type, geometry or fleet size than asked for.',
  ERR_ORBIT_CORRUPT: 'Bytes in shared memory contradict the layout.',
  ERR_ORBIT_SYSTEM: 'The system refused a call; errno and syscall tell which.',
  ERR_ORBIT_NATIVE: 'The native addon could not be loaded.',
} as const

/** A code of the list, as every error of this package carries it in `code`. */
export type OrbitErrorCode = keyof typeof errorCodes

/** What orbit throws when the world refuses; wrong arguments are TypeError or RangeError with a `code` of the same list. */
export class OrbitError extends Error {
  /** Which error it is: stable, unlike its message. */
  readonly code: OrbitErrorCode
  /** The system's error number, where a system call failed. */
  declare readonly errno?: number
  /** The system call that failed. */
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
