/**
 * Ends this process, its own children first, when its parent is gone. Ctrl-C does not: the bench hears it too, and ends
 * all in order.
 */
export function endWithParent(end: () => void = () => process.exit()): void {
  process.on('SIGINT', () => {})
  process.on('disconnect', end)
  if (!process.connected) end() // It went while our modules were loaded, and nobody was told.
}

/** What is said to a parent that is gone is lost; endWithParent hears of it. */
export function tellParent(message: unknown): void {
  if (process.connected) process.send?.(message, () => {})
}
