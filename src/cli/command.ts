import type { Output } from './output.js'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** What stands for its value in the help. */
  readonly value?: string
  readonly about: string
}

/** One word after `orbit`. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** As in the help: `FLEET [KIND]`. */
  readonly operands: readonly string[]
  readonly about: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  /** The first is also shown in `orbit --help`. */
  readonly examples: readonly { readonly line: string; readonly about: string }[]
  /** Resolves with the exit code; nothing: 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to say.
  run(call: Call): number | void | Promise<number | void>
}

/** The arguments are wrong: exit code 2. */
export class UsageError extends Error {}

/** What was typed, parsed. */
export class Call {
  readonly output: Output
  readonly #operands: readonly string[]
  readonly #values: Readonly<Record<string, string | boolean | undefined>>

  constructor(
    output: Output,
    operands: readonly string[],
    values: Readonly<Record<string, string | boolean | undefined>>,
  ) {
    this.output = output
    this.#operands = operands
    this.#values = values
  }

  /** The operand at `index`; main has seen to those that must be there. */
  operand(index: number): string {
    return this.#operands[index] as string
  }

  optional(index: number): string | undefined {
    return this.#operands[index]
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined
  }

  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) throw new UsageError(`--${name}=${text} is not an integer in ${min}..${max}`)
    return value
  }

  /** 'start', 'head', a position, or so many before the head as a negative number. */
  from(fallback: 'start' | 'head'): 'start' | 'head' | number {
    const text = this.text('from') ?? fallback
    if (text === 'start' || text === 'head') return text
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value)) throw new UsageError(`--from=${text} is not start, head, a position or -COUNT`)
    return value
  }
}

const isRequired = (operand: string): boolean => !operand.startsWith('[')

export const requiredOperands = (command: Command): number => command.operands.filter(isRequired).length
