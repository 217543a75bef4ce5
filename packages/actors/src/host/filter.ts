import type { Turn } from './turn.js'

/** A call as a filter sees it. */
export interface FilteredCall {
  /** The name under which the class of the actor is registered. */
  readonly type: string
  /** The key of the actor. */
  readonly key: string
  /** The method that is called. */
  readonly method: string
  /** The arguments of the call. */
  readonly args: readonly unknown[]
  /** The node and the incarnation of the process that says it calls, as "3.17"; '': an alarm has called. */
  readonly caller: string
  /** The actors that wait for it, the first caller first; empty: no actor has called. */
  readonly chain: readonly string[]
}

/** What filters see of a turn: they can change no part of it but the insides of its arguments. */
export function filteredCall(type: string, key: string, { method, args, callId, chain }: Turn): FilteredCall {
  const caller = callId.split(':')[0] ?? ''
  return Object.freeze({ type, key, method, args: Object.freeze([...args]), caller, chain: Object.freeze([...chain]) })
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
