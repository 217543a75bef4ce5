/** What follows a call from its client to its handler. Without a tracer, calls carry nothing more. */
export interface CallTracing {
  /** The text that goes with a request, of at most 512 bytes; a longer one is left out. '': none. */
  inject(): string
  /** Runs the handler of a request that came with this text, and returns what it returns. */
  serve(text: string, service: string, method: string, run: () => unknown): unknown
}

let tracing: CallTracing | undefined

/** Sets or, with undefined, removes the tracing of this thread's calls. */
export function traceCalls(next: CallTracing | undefined): void {
  tracing = next
}

/** What `traceCalls` has set; undefined: nothing. */
export const currentTracing = (): CallTracing | undefined => tracing

/** The text for a request that is made now; '': none. */
export const textForRequest = (): string => (tracing === undefined ? '' : tracing.inject())
