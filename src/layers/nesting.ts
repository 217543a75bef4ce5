import type { AsyncLocalStorage } from 'node:async_hooks'

/** Calls that are nested deeper count as if they were at this depth. */
const deepest = 7

/** In a handler: the depth of the calls that it makes. Undefined: this thread makes no calls. */
let storage: AsyncLocalStorage<number> | undefined

/** From now on the calls that handlers make are known as nested. Only for threads that call: it slows promises down. */
export function trackNesting(): void {
  if (storage !== undefined) return
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks')
  storage = new AsyncLocalStorage()
}

/** How many calls wait for the one that is made now, each made by the handler of the one before. */
export const currentDepth = (): number => storage?.getStore() ?? 0

/** Runs the handler of a call of this depth. */
export const runAtDepth = <T, A, B>(depth: number, run: (a: A, b: B) => T, a: A, b: B): T =>
  storage === undefined ? run(a, b) : storage.run(Math.min(depth + 1, deepest), run, a, b)
