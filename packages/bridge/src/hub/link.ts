import type { Engine } from '../engine/engine.js'
import type { Received } from './receiver.js'

/** What goes between hosts: the events of one route, or the changes of caches. */
export interface Link {
  /** The name of its route. */
  readonly name: string
  /** Whether this host uses it now; a failure is worth a warning then. */
  readonly isNeeded: boolean
  /** How many events of this host were not looked at yet. */
  readonly waiting: number
  /** How far a live route has come, as others learn it; empty for a stored one. */
  readonly progress: [route: string, sent: Received][]
  /** Listens for live events, once for each connection that was opened. */
  listen(engine: Engine): void
  /** Sends until the signal is aborted, whether there is a connection or not. */
  send(engine: Engine, signal: AbortSignal): Promise<void>
  /** Follows the log while there is a connection: until the signal is aborted. */
  follow(engine: Engine, signal: AbortSignal): Promise<void>
  /** Another host says how far its live routes have come. */
  noteProgress(host: string, sent: Readonly<Record<string, Received>>): void
}

/**
 * The most bytes of a batch: what the server takes, and a quarter of the bytes that a log keeps, so that it keeps some
 * batches; 0 while the server is not known.
 */
export const batchLimit = (engine: Engine | undefined, keptBytes = Number.POSITIVE_INFINITY): number =>
  Math.min(engine?.maxBytes ?? 0, keptBytes / 4)
