import type { StoredCounts } from '../store/store.js'
import type { Commits } from './commits.js'

/** What a process keeps of a partition, as `inspect` shows it. */
export interface PartitionState extends StoredCounts {
  /** The partition, 0..15. */
  readonly partition: number
  /** The fencing token under which the process has its data open. */
  readonly token: number
  /** Commits since it was opened. */
  readonly commits: number
  /** Changes in them. */
  readonly changes: number
  /** Commits that have failed. */
  readonly failures: number
  /** The mean time of a commit until it outlives what the store protects from, in milliseconds; 0: none was made. */
  readonly meanMs: number
  /** The longest of these times, in milliseconds. */
  readonly longestMs: number
}

/** What there is to say about the data of a partition and its commits. */
export async function stateOf(partition: number, { store, counts }: Commits): Promise<PartitionState> {
  const { commits, changes, failures, totalMs, longestMs } = counts
  const meanMs = commits === 0 ? 0 : totalMs / commits
  return { partition, token: store.token, ...(await store.counts()), commits, changes, failures, meanMs, longestMs }
}
