import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    inspect: 'src/inspect.ts',
    sqlite: 'src/sqlite.ts',
    testing: 'src/testing.ts',
    testhost: 'src/testhost.ts',
  },
  target: 'node20',
  format: 'esm',
  dts: true,
  clean: true,
})
