import { setTimeout as sleep } from 'node:timers/promises'
import { Sampler } from '../inspect/sampler.js'
import { Browser } from './browser.js'
import { FleetPage, FleetsPage } from './fleetpages.js'
import { keysIn } from './keys.js'
import type { Output } from './output.js'
import { Screen } from './screen.js'
import { cut } from './text.js'

export interface Pace {
  readonly intervalMs: number
  readonly limit: number
  readonly signal: AbortSignal
}

/** Shows fleets on the whole terminal, until a key quits. The newest lines of `news` are above them. */
export async function showTop(
  output: Output,
  fleet: string | undefined,
  { intervalMs, limit, signal }: Pace,
  news: readonly string[] = [],
): Promise<void> {
  const sampler = new Sampler(fleet)
  // Before the screen opens: an error belongs on the normal screen.
  using browser = new Browser(output, fleet === undefined ? new FleetsPage(sampler) : new FleetPage(sampler, fleet))
  const quit = new AbortController()
  signal.addEventListener('abort', () => quit.abort())
  const draw = () => {
    const { columns, rows } = screen
    const above = news.slice(-Math.floor(rows / 4)).map((text) => cut(text, columns))
    screen.draw([...above, ...browser.lines(columns, rows - above.length)])
  }
  const onKeys = (text: string) => {
    for (const key of keysIn(text)) if (browser.press(key)) quit.abort()
    if (!quit.signal.aborted) draw()
  }
  using screen = new Screen(onKeys, () => draw())
  for (let count = 1; !quit.signal.aborted; count++) {
    draw()
    if (count >= limit) break
    await sleep(intervalMs, undefined, { signal: quit.signal }).catch(() => {})
    if (!quit.signal.aborted) browser.tick()
  }
}
