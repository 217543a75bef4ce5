/** What commits have done. */
export interface CommitCounts {
  /** Commits that have succeeded. */
  commits: number
  /** Changes in them. */
  changes: number
  /** Commits that have failed. */
  failures: number
  /** The sum of their times, in milliseconds, until they would outlive what the store protects from. */
  totalMs: number
  /** The longest of these times, in milliseconds. */
  longestMs: number
}

export const newCounts = (): CommitCounts => ({ commits: 0, changes: 0, failures: 0, totalMs: 0, longestMs: 0 })

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
  /** Commits of all its partitions. */
  readonly commits: CommitCounts
}

export const newTally = (): Tally => ({ calls: 0, failures: 0, refused: 0, crashes: 0, commits: newCounts() })
