import type { Output } from './output.js'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** The name of its value in the help. */
  readonly value?: string
  readonly about: string
}

/** One word after `orbit`. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** In the form of the help: `FLEET`, `[KIND]`. */
  readonly operands: readonly string[]
  /** The description in the help, broken into lines. An empty string separates paragraphs. */
  readonly about: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  /** The forms of the command that change the fleet, or join it as a member; absent: it only reads. */
  readonly writes?: readonly string[]
  /** `orbit --help` shows the first one too. */
  readonly examples: readonly { readonly line: string; readonly about: string }[]
  /** Gives the exit code; undefined: 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing.
  run(call: Call): number | void | Promise<number | void>
}

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {}

/** The parsed command line of one command. */
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

  /** The operand at `index`, which must be a required one: main has checked that those are present. */
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
    if (!(value >= min && value <= max)) throw new UsageError(`--${name}=${text} must be an integer in ${min}..${max}`)
    return value
  }

  /** The option --from: 'start', 'head', a position, or a negative number, which counts back from the head. */
  from(fallback: 'start' | 'head'): 'start' | 'head' | number {
    const text = this.text('from') ?? fallback
    if (text === 'start' || text === 'head') return text
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value)) throw new UsageError(`--from=${text} must be start, head, a position or -COUNT`)
    return value
  }
}

const isRequired = (operand: string): boolean => !operand.startsWith('[')

export const requiredOperands = (command: Command): number => command.operands.filter(isRequired).length
