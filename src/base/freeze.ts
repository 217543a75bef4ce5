/** Freezes a value deeply, even below an object that the codec froze. Bytes cannot be frozen. */
export function freeze(root: unknown): void {
  const frozen = new Set<unknown>()
  const pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || frozen.has(value)) continue
    frozen.add(Object.freeze(value))
    for (const key of Reflect.ownKeys(value)) pending.push((value as Record<PropertyKey, unknown>)[key])
  }
}
