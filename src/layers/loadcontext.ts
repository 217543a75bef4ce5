/** What `load` of `getOrSet` is called with: a signal that is aborted when the time for the load is up. */
export interface LoadContext {
  /** Aborted after `loadTimeoutMs`, with an OrbitError ERR_ORBIT_TIMEOUT as its reason: the value is of no use then. */
  readonly signal: AbortSignal
}
