import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', command: 'src/command.ts' },
  target: 'node20',
  format: 'esm',
  dts: true,
  clean: true,
})
