import { type Call, UsageError } from './command.js'

/** An option that asks to change what the command shows, and its value. */
export interface AskedChange<Op extends string> {
  readonly op: Op
  readonly value: string
}

/** The change that one of these options asks for; undefined: none, the command only looks. */
export function askedChange<Op extends string>(call: Call, ops: readonly Op[]): AskedChange<Op> | undefined {
  const asked = ops.flatMap((op) => {
    const value = call.text(op)
    return value === undefined ? [] : { op, value }
  })
  const [change] = asked
  const names = ops.map((op) => `--${op}`)
  if (asked.length > 1) throw new UsageError(`${names.join(', ')} exclude each other: pass one of them`)
  if (change === undefined && call.flag('yes')) throw new UsageError(`--yes needs ${names.join(' or ')}`)
  if (change !== undefined && call.optional(1) !== undefined) {
    throw new UsageError(`with --${change.op}, KEY must not be given`)
  }
  return change
}
