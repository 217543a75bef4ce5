// The orbit command as the source of all data, and as the way to write: it prints JSON with stable keys.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const manifest = fileURLToPath(import.meta.resolve('orbit-node/package.json'))
const program = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.orbit)

/** Starts `orbit COMMAND --json ...`: an operand after `--` cannot be taken for an option. */
function start([command, ...args], stdin) {
  const child = spawn(process.execPath, [program, command, '--json', ...args], {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  // A command that ends at once does not read. Without a process there are no streams.
  child.stdin?.on('error', () => {}).end(stdin)
  return child
}

/** How long a command may take that ends by itself. */
const limitMs = 20_000
/** How many of them run at a time, and how many wait for that. */
const mostRunning = 4
const mostWaiting = 16
let running = 0
const waiting = []

/**
 * Runs `orbit ... --json` to its end, when fewer than four others run.
 *
 * @param {string} [stdin] its standard input
 * @returns {Promise<object>} what it printed; `{ error }` if it printed an error, or if too many wait already
 */
export async function ask(args, stdin) {
  if (running >= mostRunning) {
    if (waiting.length >= mostWaiting) return { error: { message: 'too many questions at a time: ask again later' } }
    await new Promise((resolve) => waiting.push(resolve))
  } else running++
  try {
    return await answerOf(args, stdin)
  } finally {
    const next = waiting.shift() // it takes the place of this one
    if (next === undefined) running--
    else next()
  }
}

function answerOf(args, stdin) {
  const child = start(args, stdin)
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => {
    const end = (value) => {
      clearTimeout(timer)
      resolve(value)
    }
    child.once('error', ({ message }) => end({ error: { message } })) // no process could be started
    child.once('close', () => end(parsed(stdout) ?? parsed(stderr) ?? { error: { message: stderr || noOutput } }))
  })
}

const noOutput = 'orbit printed nothing'

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
  let [stderr, isOver] = ['', false]
  const end = (error) => {
    if (!isOver) onEnd(error)
    isOver = true
  }
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  if (child.stdout !== undefined) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = parsed(line)
      if (value !== undefined && !isOver) onLine(value)
    })
  }
  child.once('error', ({ message }) => end({ message })) // no process could be started
  child.once('close', () => end(parsed(stderr)?.error))
  return () => {
    isOver = true
    child.kill('SIGTERM')
  }
}
