import { createInterface } from 'node:readline/promises'
import { type Call, type Option, UsageError } from './command.js'
import { printable } from './text.js'

/** The option of every command that asks before it changes something. */
export const yesOption: Option = { type: 'boolean', about: 'do not ask; needed with --json and without a terminal' }

/** Asks on the terminal whether to go on, unless --yes is set. False: the answer is no. */
export async function isConfirmed(call: Call, what: string): Promise<boolean> {
  if (call.flag('yes')) return true
  if (call.output.isJson || !process.stdin.isTTY) throw new UsageError(`pass --yes to ${what}`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const answer = await Promise.race([terminal.question(`${printable(what)}? [y/N] `), ended])
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}
