import { styleText } from 'node:util'
import { printable, printableJson } from './text.js'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes its result: as lines of text, or as JSON. */
export class Output {
  readonly isJson: boolean
  readonly #hasColour: boolean

  constructor(isJson: boolean) {
    this.isJson = isJson
    const { NO_COLOR, FORCE_COLOR } = process.env
    const isForced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0'
    const isOff = NO_COLOR !== undefined && NO_COLOR !== ''
    this.#hasColour = !isJson && !isOff && (isForced || (process.stdout.isTTY === true && process.stdout.hasColors()))
  }

  /** Columns of the terminal; undefined: the output is not a terminal, and nothing is cut. */
  get columns(): number | undefined {
    return (process.stdout.isTTY && process.stdout.columns) || undefined // 0: the terminal has no known width
  }

  paint(style: Style, text: string): string {
    return this.#hasColour ? styleText(style, text) : text
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  /** Writes a value as JSON, on a line of its own. */
  json(value: unknown): void {
    this.line(jsonText(value))
  }

  /** Resolves when the reader has accepted what was written. */
  async written(): Promise<void> {
    if (!process.stdout.writableNeedDrain) return
    await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
  }

  /** Writes the only line of an empty result. */
  none(text: string): void {
    this.line(this.paint('dim', printable(text)))
  }

  /** Writes a remark to stderr, so that a pipe does not receive it. */
  note(text: string): void {
    process.stderr.write(`orbit: ${printable(text)}\n`)
  }
}

/** The JSON text of a value, with bigints as strings. */
export function jsonText(value: unknown): string {
  return printableJson(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each)))
}
