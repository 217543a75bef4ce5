import { styleText } from 'node:util'
import { printable, printableJson } from './text.js'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes what it found: lines for people, or JSON for programs. */
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

  /** Columns of the terminal; undefined: it is none, and nothing is cut. */
  get columns(): number | undefined {
    return (process.stdout.isTTY && process.stdout.columns) || undefined // 0: nobody has told
  }

  paint(style: Style, text: string): string {
    return this.#hasColour ? styleText(style, text) : text
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  /** One document, or one of many lines. */
  json(value: unknown): void {
    this.line(jsonText(value))
  }

  /** Resolves when the reader has taken what was written. */
  async written(): Promise<void> {
    if (!process.stdout.writableNeedDrain) return
    await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
  }

  /** Beside the result, so that a pipe sees none of it. */
  note(text: string): void {
    process.stderr.write(`orbit: ${printable(text)}\n`)
  }
}

/** Ids and other bigints are strings. */
export function jsonText(value: unknown): string {
  return printableJson(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each)))
}
