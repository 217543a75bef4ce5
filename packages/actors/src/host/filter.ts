/** A call as a filter sees it. */
export interface FilteredCall {
  /** The name under which the class of the actor is registered. */
  readonly type: string
  /** The key of the actor. */
  readonly key: string
  /** The method that is called. */
  readonly method: string
  /** Its arguments. */
  readonly args: readonly unknown[]
}

/**
 * Runs around each call, in the process of the actor: `next` runs the method, and returns a promise of its result. What
 * the filter returns is the result, and what it throws is thrown to the caller.
 */
export type Filter = (call: FilteredCall, next: () => Promise<unknown>) => unknown

/** Runs a method within filters; the first filter is the outermost. */
export function throughFilters(filters: readonly Filter[], call: FilteredCall, run: () => unknown): unknown {
  const step = async (at: number): Promise<unknown> => {
    const filter = filters[at]
    return filter === undefined ? run() : filter(call, () => step(at + 1))
  }
  return step(0)
}
