import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', testing: 'src/testing.ts' },
  target: 'node20',
  format: 'esm',
  dts: true,
  clean: true,
})
