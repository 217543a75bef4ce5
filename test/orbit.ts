// The command as an operator runs it: a child process of the built package, and what it may say as JSON.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { expect, onTestFinished } from 'vitest'
import { objectsOf, root, shmFolder } from './processes.js'

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
