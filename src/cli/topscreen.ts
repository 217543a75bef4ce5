import { setTimeout as sleep } from 'node:timers/promises'
import { Sampler } from '../inspect/sampler.js'
import { Browser } from './browser.js'
import { FleetPage, FleetsPage } from './fleetpages.js'
import { keysIn } from './keys.js'
import type { Output } from './output.js'
import { Screen } from './screen.js'

export interface Pace {
  readonly intervalMs: number
  readonly limit: number
  readonly signal: AbortSignal
}

/** Shows fleets on the whole terminal, until a key quits. */
export async function showTop(output: Output, fleet: string | undefined, pace: Pace): Promise<void> {
  const { intervalMs, limit, signal } = pace
  const sampler = new Sampler(fleet)
  // Before the screen opens: an error belongs on the normal screen.
  using browser = new Browser(output, fleet === undefined ? new FleetsPage(sampler) : new FleetPage(sampler, fleet))
  const quit = new AbortController()
  signal.addEventListener('abort', () => quit.abort())
  const draw = () => screen.draw(browser.lines(screen.columns, screen.rows))
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
