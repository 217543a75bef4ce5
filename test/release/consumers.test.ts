// TypeScript projects of users, with the oldest supported compiler and with the one of this repository.
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { attempt, install, pack, project, temporaryFolder } from '../help/package.js'
import { root } from '../help/processes.js'

const temporary = temporaryFolder('consumers')
const compilers = {
  '5.2': 'test/packages/node_modules/typescript-5.2/lib/tsc.js',
  '5.9': 'node_modules/typescript/lib/tsc.js',
}
const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022']
const modes: Record<string, string[]> = {
  node16: ['--module', 'node16', 'esm.mts', 'commonjs.cts', 'plain.ts', 'mixed.mts'],
  nodenext: ['--module', 'nodenext', 'esm.mts', 'commonjs.cts', 'plain.ts', 'mixed.mts'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler', 'plain.ts'],
  node10: ['--module', 'commonjs', '--moduleResolution', 'node10', 'plain.ts'],
}
let app: string

beforeAll(() => {
  app = project(join(temporary, 'app'))
  install(app, pack(temporary))
  const program = readFileSync(join(root, 'test/fixtures/consumer.ts.txt'), 'utf8')
  for (const file of ['esm.mts', 'commonjs.cts', 'plain.ts']) writeFileSync(join(app, file), program)
  // A fleet from ESM is a fleet in CommonJS, for the compiler too.
  writeFileSync(
    join(app, 'mixed.mts'),
    `import { program } from './commonjs.cjs'\nimport { join } from './esm.mjs'\nexport const said: Promise<string> = program(join())\n`,
  )
  const types = join(app, 'node_modules/@types')
  cpSync(join(root, 'node_modules/@types/node'), join(types, 'node'), { recursive: true })
  symlinkSync(join(root, 'node_modules/undici-types'), join(app, 'node_modules/undici-types'))
}, 240_000)

describe.each(Object.entries(compilers))('TypeScript %s', (_version, compiler) => {
  it.each(Object.entries(modes))('accepts the package with module resolution %s', (_mode, args) => {
    const { status, stdout } = attempt(app, process.execPath, [join(root, compiler), ...options, ...args])
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })
})
