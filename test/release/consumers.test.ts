// TypeScript projects of users, with the oldest supported compiler and with the one of this repository.
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import consumer from '../fixtures/consumer.json' with { type: 'json' }
import { attempt, install, pack, project, temporaryFolder } from '../help/package.js'
import { isCi, root } from '../help/system.js'

const temporary = temporaryFolder('consumers')
const compilers = {
  '5.2': 'test/packages/node_modules/typescript-5.2/lib/tsc.js',
  '5.9': 'node_modules/typescript/lib/tsc.js',
}
/** The newest and the oldest resolution where little time is. */
const modes = Object.entries(consumer.modes).filter(([mode]) => isCi || mode === 'nodenext' || mode === 'node10')
let app: string

beforeAll(() => {
  app = project(join(temporary, 'app'))
  install(app, pack(temporary))
  const fixture = (name: string) => readFileSync(join(root, 'test/fixtures', name), 'utf8')
  for (const file of ['esm.mts', 'commonjs.cts', 'plain.ts']) writeFileSync(join(app, file), fixture('consumer.txt'))
  writeFileSync(join(app, 'mixed.mts'), fixture('consumer-mixed.txt'))
  const types = join(app, 'node_modules/@types')
  cpSync(join(root, 'node_modules/@types/node'), join(types, 'node'), { recursive: true })
  symlinkSync(join(root, 'node_modules/undici-types'), join(app, 'node_modules/undici-types'))
}, 240_000)

describe.each(Object.entries(compilers))('TypeScript %s', (_version, compiler) => {
  it.each(modes)('accepts the package with module resolution %s', (_mode, args) => {
    const { status, stdout } = attempt(app, process.execPath, [join(root, compiler), ...consumer.options, ...args])
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })
})
