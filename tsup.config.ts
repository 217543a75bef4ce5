import { defineConfig } from 'tsup'

const common = { target: 'node20' } as const
const index = { index: 'src/index.ts' }

export default defineConfig([
  // The library and the command share one chunk: the package stays small.
  {
    ...common,
    entry: { ...index, cli: 'src/cli/main.ts' },
    format: 'esm',
    splitting: true,
    dts: { entry: index },
    clean: ['!index.cjs', '!index.d.cts'],
  },
  { ...common, entry: index, format: 'cjs', dts: true, define: { 'import.meta.dirname': '__dirname' } },
])
