// The orbit command as the source of all data: it prints JSON with stable keys, and only observes.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const manifest = fileURLToPath(import.meta.resolve('orbit-node/package.json'))
const program = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.orbit)

const start = (args) => spawn(process.execPath, [program, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })

/** How long a command may take that ends by itself. */
const limitMs = 20_000

/**
 * Runs `orbit ... --json` to its end.
 *
 * @returns {Promise<object>} what it printed; `{ error }` if it printed an error
 */
export function ask(args) {
  const child = start(args)
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ error: { message } })) // no process could be started
    child.once('close', () => {
      clearTimeout(timer)
      resolve(parsed(stdout) ?? parsed(stderr) ?? { error: { message: stderr || 'orbit printed nothing' } })
    })
  })
}

/** undefined: the text is no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Runs `orbit ... --json`, which does not end by itself.
 *
 * @param {(value: object) => void} onLine called with the JSON of each line, in order
 * @param {(error: object | undefined) => void} onEnd called once, unless it was stopped
 * @returns {() => void} stops it
 */
export function follow(args, onLine, onEnd) {
  const child = start(args)
  let [stderr, isStopped] = ['', false]
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = parsed(line)
    if (value !== undefined && !isStopped) onLine(value)
  })
  child.once('close', () => {
    if (!isStopped) onEnd(parsed(stderr)?.error)
  })
  return () => {
    isStopped = true
    child.kill('SIGTERM')
  }
}
