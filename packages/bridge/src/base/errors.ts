/** The codes of the errors that only this package throws, with their meanings. */
export const bridgeErrorCodes = {
  ERR_ORBIT_BRIDGE_UNREACHABLE:
    'No process of this host is connected to the server, or the server did not answer in time; what was asked may have happened.',
  ERR_ORBIT_BRIDGE_LOST: 'The lease on a lock of several hosts ended before its holder released it.',
  ERR_ORBIT_BRIDGE_TIMEOUT: 'A lock of several hosts did not become free in the time given.',
  ERR_ORBIT_BRIDGE_CLOSED: 'The bridge of this process was closed.',
} as const

/** One of the codes in `bridgeErrorCodes`. */
export type BridgeErrorCode = keyof typeof bridgeErrorCodes

/** The error for failures between hosts. Wrong arguments throw a TypeError or RangeError. */
export class BridgeError extends Error {
  /** Identifies the error. Codes are stable; messages are not. */
  readonly code: BridgeErrorCode

  constructor(code: BridgeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BridgeError'
    this.code = code
  }
}

/** The error for a server that cannot be reached. */
export function unreachable(what: string, cause?: unknown): BridgeError {
  const text = `${what}: the server cannot be reached: try again, or see bridge.stats()`
  return new BridgeError('ERR_ORBIT_BRIDGE_UNREACHABLE', text, { cause })
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
