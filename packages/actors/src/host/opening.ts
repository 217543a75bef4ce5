import type { ActorLog } from '../actor/actor.js'
import { reasonOf } from '../base/errors.js'
import type { PartitionStore, Store } from '../store/store.js'

/** What is opened, and under which claim. */
export interface Opening {
  readonly store: Store
  readonly system: string
  readonly index: number
  readonly token: number
  readonly log: ActorLog
}

/** The pause before another try, at first and at most, and how long to wait before the log says so. */
const [firstPauseMs, longestPauseMs, patienceMs] = [1, 100, 1000]

/** Closes data that was opened in vain. A store that fails to lets no other process open what it holds. */
export async function closeUnused(store: PartitionStore, log: ActorLog): Promise<void> {
  try {
    await store.close()
  } catch (error) {
    log.error('the data of a partition of actors could not be closed:', error)
  }
}

/**
 * Opens the data of a partition, however often another process has it or it fails; undefined: the signal was aborted.
 */
export async function openPartition(opening: Opening, signal: AbortSignal): Promise<PartitionStore | undefined> {
  const { store, system, index, token, log } = opening
  const begunMs = performance.now()
  let isLogged = false
  let lastFailure = ''
  for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      const opened = await store.open(system, index, token)
      if (opened !== undefined) return opened
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== lastFailure) log.error(`partition ${index} of actors cannot be opened:`, error)
      lastFailure = reason
      pauseMs = longestPauseMs
    }
    if (!isLogged && lastFailure === '' && performance.now() - begunMs > patienceMs) {
      isLogged = true
      const holder = store.holder?.(system, index) ?? 'another process'
      log.warn(`partition ${index} of actors waits for its data: ${holder} has it open, in another fleet perhaps`)
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
  }
  return undefined
}
