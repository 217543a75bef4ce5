// The command as an operator runs it: a child process of the built package, and what it may say as JSON.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { expect, onTestFinished } from 'vitest'
import { beatAt, fleetAt, ObjectFile, recordAt } from './bytes.js'
import { objectPath, objectsOf, shmFolder } from './fleets.js'
import { type Child, start } from './processes.js'
import { root } from './system.js'

export const cliPath = join(root, 'dist/cli.js')

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `orbit` to its end. */
export function orbit(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [cliPath, ...args], { env: { ...process.env, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.end()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

const schemas = join(root, 'test/schemas')
const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false })
for (const file of readdirSync(schemas)) ajv.addSchema(JSON.parse(readFileSync(join(schemas, file), 'utf8')))

/** A text that is JSON and obeys test/schemas/`schema`.json. */
// biome-ignore lint/suspicious/noExplicitAny: the schema is its type.
export function jsonOf(schema: string, text: string): any {
  const value = JSON.parse(text)
  ajv.validate(`${schema}.json`, value)
  expect(ajv.errorsText(ajv.errors), text).toBe('No errors')
  return value
}

/** Runs `orbit ... --json`, which succeeds (or ends with `code`), and gives the document. */
export async function orbitJson(schema: string, args: readonly string[], code = 0) {
  const outcome = await orbit([...args, '--json'])
  expect(outcome.code, outcome.stderr).toBe(code)
  return jsonOf(schema, outcome.stdout)
}

/** A fleet's names, and a hash of the bytes under each. */
export function bytesOf(fleet: string): Record<string, string> {
  const hash = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(shmFolder, file)))
      .digest('hex')
  return Object.fromEntries(
    objectsOf(fleet)
      .filter((file) => !file.endsWith('.bell'))
      .map((file) => [file, hash(file)]),
  )
}

/** Nodes of the showcase. */
export const size = 8

/** A fleet with something in every ring: test/fixtures/showcase.mjs. */
export async function showcase(name: string, options: object = {}): Promise<Child> {
  const child = start('showcase.mjs', [name, options])
  await child.next()
  // Its only beat never grows old: how long a test takes is no finding.
  using file = new ObjectFile(objectPath(name, 'fleet'))
  file.setU64(fleetAt.records + recordAt.beat(1) + beatAt.monotonicMs, 2n ** 52n)
  return child
}

/** Of every command that only looks: its arguments and its schema. */
export const looks = (name: string): [schema: string, args: string[]][] => [
  ['ls', ['ls']],
  ['stat', ['stat', name, '--rate-ms', '0']],
  ['stat', ['stat', name, 'events', '--rate-ms', '10']],
  ['stat', ['stat', name, 'contest', '--rate-ms', '0']],
  ['nodes', ['nodes', name]],
  ['dump', ['dump', name, '7']],
  ['dump', ['dump', name, 'WorkerLoad']],
  ['dump', ['dump', name, 'events']],
  ['dump', ['dump', name, 'cache', '--hex']],
  ['tail', ['tail', name, '--from', 'start', '--limit', '1']],
  ['cache', ['cache', name]],
  ['cache-key', ['cache', name, '17', '--namespace', 'users']],
  ['claims', ['claims', name]],
  ['doctor', ['doctor', name]],
  ['rm', ['rm', name, '--dry-run', '--force']],
  ['gc', ['gc', name, '--dry-run']],
]

/** The same of what a showcase has that has more. */
export const moreLooks = (name: string): [schema: string, args: string[]][] => [
  ['stat', ['stat', name, 'store', '--rate-ms', '1']],
  ['stat', ['stat', name, 'store:pages', '--rate-ms', '0']],
  ['stat', ['stat', name, 'counters', '--rate-ms', '0']],
  ['store', ['store', name, '--rate-ms', '1']],
  ['store', ['store', name, '--name', 'pages', '--rate-ms', '0']],
  ['store-keys', ['store', name, '--prefix', 'user:']],
  ['store-key', ['store', name, 'user:17', '--namespace', 'users']],
  ['counters', ['counters', name]],
  ['presence', ['presence', name]],
  ['limits', ['limits', name]],
  ['logs', ['logs', name]],
]

export const title = (args: string[], name: string) => args.map((arg) => (arg === name ? 'FLEET' : arg)).join(' ')
