import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../help/system.js'
import { folderOf, recipeFiles, recipeNames } from './recipe.js'

/** The parts that readers supply themselves. */
const theirs: Record<string, Record<string, string>> = {
  cron: { 'report.ts': 'export async function report(_date: Date): Promise<void> {}' },
  cache: { 'load.ts': 'export const load = async (key: string): Promise<{ key: string }> => ({ key })' },
  semaphore: { 'write.ts': 'export const writeExport = async (customer: string): Promise<string> => customer' },
  workqueue: { 'run.ts': 'export async function runJob(_job: string): Promise<void> {}' },
  connection: {
    'connect.ts':
      'export const connect = async () => ({\n  query: async (text: string, _values: readonly unknown[]): Promise<string> => text,\n  async *rows(text: string, _values: readonly unknown[]) { yield text },\n})',
  },
  prometheus: {
    'app.ts':
      "import type { IncomingMessage, ServerResponse } from 'node:http'\nexport async function answer(_request: IncomingMessage, _response: ServerResponse): Promise<boolean> { return true }",
  },
}

it('type-checks every recipe with the strict settings of this package', () => {
  const settings = { extends: join(root, 'tsconfig.json'), include: ['**/*'] }
  const folder = folderOf({ 'tsconfig.json': JSON.stringify(settings) })
  let files = 0
  for (const name of recipeNames()) {
    mkdirSync(join(folder, name))
    for (const [file, code] of Object.entries({ ...recipeFiles(name), ...theirs[name] })) {
      writeFileSync(join(folder, name, file), code)
      files++
    }
  }
  expect(files).toBeGreaterThan(recipeNames().length)
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
    {
      encoding: 'utf8',
    },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})
