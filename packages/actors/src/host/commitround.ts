import timers from 'node:timers'

/** Node's own, kept at load: a round that fake timers held up would hold up the commits of later tests as well. */
const { setImmediate } = timers

let due: (() => void)[] = []

function run(): void {
  const now = due
  due = []
  for (const each of now) each()
}

/**
 * Runs a commit in the next turn of the event loop, together with those of the other partitions of this process: what
 * they let go leaves at once, and wakes each caller once instead of once a partition. A commit may not throw.
 */
export function nextRound(commit: () => void): void {
  if (due.push(commit) === 1) setImmediate(run)
}
