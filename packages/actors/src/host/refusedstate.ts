import { reasonOf } from '../base/errors.js'
import { failureOf, type Refusal } from '../base/wire.js'

/** What is kept is of a newer version of the class. */
export class NewerState extends Error {}

/** What is kept could not be read. */
export class UnreadableState extends Error {
  constructor(actor: string, cause: unknown) {
    super(`${actor}: its state cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Why an activation is refused by what was thrown; undefined: it was its own code that failed. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof NewerState) {
    return { code: 'ERR_ORBIT_ACTOR_VERSION', message: error.message, outcome: 'not-run' }
  }
  if (!(error instanceof UnreadableState)) return undefined
  return {
    code: 'ERR_ORBIT_ACTOR_STORE',
    message: error.message,
    outcome: 'not-run',
    failure: failureOf(error.cause),
  }
}
