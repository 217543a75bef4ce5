// Another release of this package, of the same layout: what it is made of, with another version in it.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const { version } = manifest

/** As long as ours, for it takes its place. */
export const otherVersion = version.replace(/^./, (first) => (first === '9' ? '8' : '9'))

/** As built code says it. */
const inCode = (version: string) => `version:"${version}"`
/** As an addon does: a C string. */
const inAddon = (version: string) => `${version}\0`

/** Writes `from`, which says our version once, as a file that says the other. */
function write(from: string, to: string, said: (version: string) => string): void {
  const parts = readFileSync(from, 'latin1').split(said(version)) // every byte a character
  expect(parts, from).toHaveLength(2)
  writeFileSync(to, parts.join(said(otherVersion)), 'latin1')
}

export const writeOtherCode = (from: string, to: string): void => write(from, to, inCode)
export const writeOtherAddon = (from: string, to: string): void => write(from, to, inAddon)
export const saysOurs = (file: string): boolean => readFileSync(file, 'latin1').includes(inCode(version))
