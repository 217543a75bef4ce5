import { readFileSync } from 'node:fs'

/** In the bundle, as in the sources: the folder above. */
const root = new URL('../', import.meta.url)

const versionIn = (folder: string): string =>
  JSON.parse(readFileSync(new URL(`${folder}package.json`, root), 'utf8')).version

/** Of the package that is measured. */
export const version = (): string => versionIn('')

/** Of a package as it is installed. */
export const packageVersion = (name: string): string => versionIn(`node_modules/${name}/`)
