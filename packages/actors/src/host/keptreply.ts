import { type Ending, encodeEnding } from '../base/wire.js'

/** A result that a reply table had, in place of that of the method. */
export class KeptReply {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** The reply that was kept, or else what the method returns. */
export const keptOr = (bytes: Uint8Array | undefined, run: () => unknown): unknown =>
  bytes === undefined ? run() : new KeptReply(bytes)

/** The result of a method as a reply table keeps it. */
export function encodedReply(ending: Ending): Uint8Array {
  try {
    return encodeEnding(ending)
  } catch (error) {
    const message = `the result of an earlier call cannot be sent: ${(error as Error).message}`
    return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_VALUE', message, outcome: 'done' } })
  }
}
