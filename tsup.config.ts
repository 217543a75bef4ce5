import { defineConfig } from 'tsup'

const common = { target: 'node20', shims: true, splitting: false } as const

export default defineConfig([
  { ...common, entry: { index: 'src/index.ts' }, format: ['esm', 'cjs'], dts: true, clean: ['!cli.js'] },
  { ...common, entry: { cli: 'src/cli/main.ts' }, format: 'esm' }, // one file starts sooner than many
])
