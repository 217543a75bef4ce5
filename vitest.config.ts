import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Time limits are watchdogs: nothing is asserted about time, and nothing is tried twice.
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    retry: 0,
    pool: 'forks',
    // More than two cores have work for: many tests wait for processes and for the time of day.
    maxWorkers: Math.max(3, availableParallelism()),
  },
})
