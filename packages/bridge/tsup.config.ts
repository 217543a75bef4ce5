import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts' },
  target: 'node20',
  format: 'esm',
  dts: true,
  clean: true,
})
