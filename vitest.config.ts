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
    // Also on two cores: many tests wait for the time of day.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
})
