import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string)

test('the README has examples', () => expect(examples.length).toBeGreaterThan(1))

test.each(examples.map((code, index) => [index + 1, code] as const))(
  'example %i runs and prints what it says',
  (_, code) => {
    // Inside the package, so that 'orbit-node' is this package.
    const folder = mkdtempSync(join(root, 'test', 'tmp-readme-'))
    try {
      const file = join(folder, 'example.mts')
      writeFileSync(file, code)
      const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsx'), [file], { encoding: 'utf8' })
      expect(stderr).toBe('')
      expect(status).toBe(0)
      for (const [, promised] of code.matchAll(/^\/\/ (\d.*)$/gm)) expect(stdout).toContain(promised)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
