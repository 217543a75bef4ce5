import { setTimeout } from 'node:timers/promises'

/** Sleeps, and keeps the process alive. Rejects with the reason of an aborted signal. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(ms, undefined, signal && { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
