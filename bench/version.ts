import { readFileSync } from 'node:fs'

/** In the bundle, as in the sources: a folder below the root. */
const manifest = new URL('../package.json', import.meta.url)

/** Of the package that is measured. */
export const version = (): string => JSON.parse(readFileSync(manifest, 'utf8')).version
