import type { AsyncLocalStorage } from 'node:async_hooks'

/** Calls that are nested deeper count as if they were at this depth. */
const deepest = 7

/** In a handler: the depth of the calls that it makes. Undefined: this thread makes no calls. */
let storage: AsyncLocalStorage<number> | undefined

/** The depth of the calls of the handler that is being called, while nothing is tracked; 0: none is. */
let untracked = 0

/**
 * From now on the calls that handlers make are known as nested, beginning with those of a handler that is being called.
 * Only for threads that call: it slows promises down.
 */
export function trackNesting(): void {
  if (storage !== undefined) return
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks')
  storage = new AsyncLocalStorage()
  if (untracked > 0) storage.enterWith(untracked)
}

/** How many calls wait for the one that is made now, each made by the handler of the one before. */
export const currentDepth = (): number => storage?.getStore() ?? 0

/** Runs the handler of a call of this depth. */
export function runAtDepth<T, A, B>(depth: number, run: (a: A, b: B) => T, a: A, b: B): T {
  const inner = Math.min(depth + 1, deepest)
  if (storage !== undefined) return storage.run(inner, run, a, b)
  untracked = inner
  try {
    return run(a, b)
  } finally {
    untracked = 0
    leave()
  }
}

/** What runs after a handler that has made the first client of the thread is not a part of it. */
function leave(): void {
  storage?.enterWith(0)
}
