/** What has happened in a process since its system was started. */
export interface Tally {
  /** Calls that actors of the process have taken. */
  calls: number
  /** Methods that have thrown. */
  failures: number
  /** Calls that were refused because a mailbox was full, or dropped. */
  refused: number
  /** Activations that have ended by a failure. */
  crashes: number
}

export const newTally = (): Tally => ({ calls: 0, failures: 0, refused: 0, crashes: 0 })
