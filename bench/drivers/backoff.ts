import { setTimeout } from 'node:timers/promises'

/** Between two tries of those who are told by nobody: some wait longer than others, or they would all come at once. */
export const backoff = (): Promise<void> => setTimeout(1 + 2 * Math.random())
