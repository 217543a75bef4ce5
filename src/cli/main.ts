#!/usr/bin/env node
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { OrbitError } from '../base/errors.js'
import { checkNative } from '../core/native.js'
import { Call, type Command, requiredOperands, UsageError } from './command.js'
import { gc } from './commands/gc.js'
import { ls } from './commands/ls.js'
import { nodes } from './commands/nodes.js'
import { rm } from './commands/rm.js'
import { commandHelp, commonOptions, overview } from './help.js'
import { jsonText, Output } from './output.js'
import { printable } from './text.js'

/** Exit codes by the code of the error. Every other error gives 1. */
const exitCodeOf: Record<string, number> = {
  ERR_ORBIT_NOT_FOUND: 3,
  ERR_ORBIT_RETIRED: 3,
  ERR_ORBIT_NO_SERVER: 3,
  ERR_ORBIT_NO_HANDLER: 3,
  ERR_ORBIT_LAYOUT_MISMATCH: 4,
  ERR_ORBIT_TYPE_MISMATCH: 4,
  ERR_ORBIT_PERMISSION: 5,
}

/** Commands that need little code. The others, and all layers, are loaded when they are asked for. */
const early: readonly Command[] = [ls, nodes, gc, rm]

const loadAll = async (): Promise<readonly Command[]> => (await import('./commands/index.js')).commands

/** parseArgs takes a negative number for options: this hides its sign. */
const guard = '\0'
const guarded = (arg: string): string => (/^-\d/.test(arg) ? guard + arg : arg)
const unguarded = <T>(arg: T): T => (typeof arg === 'string' && arg.startsWith(guard) ? (arg.slice(1) as T) : arg)

function parse(
  command: Command,
  args: readonly string[],
): { values: Record<string, string | boolean | undefined>; operands: string[] } {
  const known = { ...command.options, ...commonOptions }
  const options = Object.fromEntries(Object.entries(known).map(([name, { type }]) => [name, { type }]))
  try {
    const { values, positionals } = parseArgs({
      args: args.map(guarded),
      options,
      allowPositionals: true,
      strict: true,
    })
    const plain = Object.entries(values).map(([name, value]) => [name, unguarded(value as string | boolean)])
    return { values: Object.fromEntries(plain), operands: positionals.map(unguarded) }
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify a positional.*/s, ''))
  }
}

/** Node's permission model hides files, so a command would report too little. */
function checkSight(): void {
  if (process.permission?.has('fs.read', '/') !== false) return
  throw new OrbitError(
    'ERR_ORBIT_PERMISSION',
    'orbit cannot read the files of the system: under the permission model, run it with --allow-fs-read=*',
  )
}

/** Whether help is asked for. Behind `--`, all are operands. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const options = end < 0 ? args : args.slice(0, end)
  return options.includes('--help') || options.includes('-h')
}

async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    process.stdout.write(commandHelp(command))
    return 0
  }
  const { values, operands } = parse(command, args)
  if (operands.length < requiredOperands(command)) {
    throw new UsageError(`${command.operands[operands.length]} is missing`)
  }
  if (operands.length > command.operands.length) {
    const accepted = command.operands.join(' ') || 'no operands'
    const extra = JSON.stringify(operands[command.operands.length])
    throw new UsageError(`${extra} is one operand too many: orbit ${command.name} accepts ${accepted}`)
  }
  checkNative()
  checkSight()
  return (await command.run(new Call(new Output(values['json'] === true), operands, values))) ?? 0
}

function report(error: unknown, isJson: boolean, hint: string): number {
  const { code = '', message } = error as Error & { code?: string }
  const isUsage = error instanceof UsageError || /^ERR_ORBIT_(INVALID_ARGUMENT|OUT_OF_RANGE)$/.test(code)
  const exitCode = isUsage ? 2 : (exitCodeOf[code] ?? 1)
  if (isJson) process.stderr.write(`${jsonText({ error: { code: isUsage ? 'usage' : code, message, exitCode } })}\n`)
  else process.stderr.write(`orbit: ${printable(message)}\n${isUsage ? `${hint}\n` : ''}`)
  // An error without a code is a mistake in this program: show where it is.
  if (!isUsage && code === '' && !isJson) process.stderr.write(`${(error as Error).stack}\n`)
  return exitCode
}

async function main(args: readonly string[]): Promise<number> {
  // `help stat` is `stat --help`.
  const [name, ...rest] = args[0] === 'help' && args.length > 1 ? [...args.slice(1), '--help'] : args
  if (name === '--version') {
    process.stdout.write(`${manifest.version}\n`)
    return 0
  }
  let hint = 'orbit --help lists the commands'
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const text = overview(await loadAll())
      ;(name === undefined ? process.stderr : process.stdout).write(text)
      return name === undefined ? 2 : 0
    }
    const isNamed = (each: Command) => each.name === name
    const command = early.find(isNamed) ?? (await loadAll()).find(isNamed)
    if (command === undefined) throw new UsageError(`${JSON.stringify(name)} is not a command`)
    hint = `orbit ${name} --help shows how to use it`
    return await runCommand(command, rest)
  } catch (error) {
    return report(error, args.includes('--json'), hint)
  }
}

// The reader of the output may end at any time: `orbit dump ... | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : report(error, false, ''))
})
process.stderr.on('error', () => {}) // there is no other place to report it
process.exitCode = await main(process.argv.slice(2))
