import { reasonOf } from '../base/errors.js'
import { decodeEnding, type Ending, encodeEnding } from '../base/wire.js'
import type { Eventually, PartitionStore } from '../store/store.js'

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
    const message = `the result of an earlier call cannot be sent: ${reasonOf(error)}`
    return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_VALUE', message, outcome: 'done' } })
  }
}

/** The reply that a store has for a key of an actor; a refusal if it cannot be read. */
export function readReply(
  store: PartitionStore,
  type: string,
  key: string,
  id: string,
): Eventually<Uint8Array | undefined> {
  const unreadable = (error: unknown) => {
    const message = `${type}/${key}: its replies cannot be read: ${reasonOf(error)}`
    return encodeEnding({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_STORE', message, outcome: 'not-run' } })
  }
  try {
    const found = store.reply(type, key, id)
    return found instanceof Promise ? found.catch(unreadable) : found
  } catch (error) {
    return unreadable(error)
  }
}

/** How the call ended that a reply table has the result of. */
export function endingOf({ bytes }: KeptReply, actor: string): Ending {
  const message = `${actor}: the result of an earlier call is damaged`
  const refusal = { code: 'ERR_ORBIT_ACTOR_STORE', message, outcome: 'done' } as const
  return decodeEnding(bytes) ?? { how: 'refused', refusal }
}
