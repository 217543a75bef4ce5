// The output: a table that is redrawn in place on a terminal, and plain lines elsewhere.
import { styleText } from 'node:util'
import type { View } from './view.js'

type Style = Parameters<typeof styleText>[0]
interface Line {
  text: string
  style?: Style
}

export interface Screen {
  event(text: string): void
  draw(view: View): void
  /** Prints the last lines and restores the terminal. */
  end(lines: Line[]): void
}

const columns = ['node', 'pid', 'label', 'state', 'inc', 'requests', 'req/s', 'flight', 'loop', 'cpu', 'rss']
/** 79 columns in all, so that they fit a terminal of 80. */
const widths = [4, 7, 11, 5, 3, 8, 5, 6, 8, 5, 7]
const row = (cells: string[]): string =>
  cells.map((cell, i) => (i === 2 || i === 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' ')

/** One line for each node, and a line of totals. */
function table(view: View): Line[] {
  const lines: Line[] = [{ text: row(columns), style: 'dim' }]
  for (const { node, pid, label, alive, incarnation } of view.records) {
    const load = view.loads.get(node)
    const cells = [String(node), String(pid), label, alive ? 'alive' : 'DEAD', String(incarnation)]
    // Until a new worker stores its load, its node has the last load of its predecessor.
    if (load?.incarnation === incarnation) {
      cells.push(String(load.requests))
      if (alive) {
        cells.push(load.perSecond.toFixed(0), String(load.inFlight), `${load.loopDelayMs.toFixed(1)} ms`)
        cells.push(`${load.cpuPercent.toFixed(0)} %`, `${(load.rssBytes / 2 ** 20).toFixed(0)} MiB`)
      }
    }
    lines.push(alive ? { text: row(cells) } : { text: row(cells), style: 'red' })
  }
  const { sent, answered, failed } = view.client
  const frames = view.frames.toLocaleString('en-US')
  lines.push({
    text: `clients: ${sent} sent, ${answered} answered, ${failed} failed; frames: ${frames}, lost ${view.lost}, torn ${view.torn}`,
  })
  return lines
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1).padStart(5)} s`
}

/** For a terminal: redraws its lines in place. */
class LiveScreen implements Screen {
  readonly #begun = performance.now()
  readonly #events: string[] = []
  readonly #colors: boolean
  #drawn = 0
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(colors: boolean) {
    this.#colors = colors
    process.stdout.write('\x1b[?25l')
    // The cursor comes back however this process ends, except by SIGKILL.
    process.on('exit', () => process.stdout.write('\x1b[?25h'))
    process.stdout.on('resize', () => this.#clear())
  }

  event(text: string): void {
    this.#events.push(`${seconds(this.#begun)}  ${text}`)
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }

  draw(view: View): void {
    if (performance.now() - this.#drawnAt < 200) return
    this.#drawnAt = performance.now()
    this.#show([{ text: 'orbit demo', style: 'bold' }, ...this.#history(), { text: '' }, ...table(view)])
  }

  end(lines: Line[]): void {
    this.#write([...this.#history(), { text: '' }, ...lines])
    this.#drawn = 0
  }

  #history(): Line[] {
    return this.#events.map((text, i) =>
      i === this.#events.length - 1 ? { text, style: 'cyan' } : { text, style: 'dim' },
    )
  }

  #clear(): void {
    process.stdout.write('\x1b[2J\x1b[H')
    this.#drawn = 0
  }

  #show(lines: Line[]): void {
    const { columns: width = 80, rows: height = 24 } = process.stdout
    // Lines that do not fit would wrap or scroll, and the next ones would be drawn in the wrong place.
    this.#write(lines.slice(0, height - 1).map((line) => ({ ...line, text: line.text.slice(0, width) })))
    this.#drawn = Math.min(lines.length, height - 1)
  }

  #write(lines: Line[]): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : ''
    const painted = lines.map((line) => `${paint(line, this.#colors)}\x1b[K\n`)
    process.stdout.write(`${up}${painted.join('')}\x1b[J`)
  }
}

function paint({ text, style }: Line, colors: boolean): string {
  return colors && style !== undefined ? styleText(style, text) : text
}

/** For a pipe or a log: a line for each event, and a table every few seconds. */
class PlainScreen implements Screen {
  readonly #begun = performance.now()
  #drawnAt = performance.now()

  event(text: string): void {
    console.log(`${seconds(this.#begun)}  ${text}`)
  }

  draw(view: View): void {
    if (performance.now() - this.#drawnAt < 2500) return
    this.#drawnAt = performance.now()
    this.end(table(view))
  }

  end(lines: Line[]): void {
    console.log(`\n${lines.map(({ text }) => text.trimEnd()).join('\n')}\n`)
  }
}

const silent: Screen = { event() {}, draw() {}, end() {} }

export function openScreen(isSilent: boolean): Screen {
  if (isSilent) return silent
  if (!process.stdout.isTTY || process.env['TERM'] === 'dumb') return new PlainScreen()
  return new LiveScreen(!process.env['NO_COLOR'])
}
