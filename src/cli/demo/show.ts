import type { Output } from '../output.js'
import { showTop } from '../topscreen.js'
import { sendRequests } from './clients.js'
import { nodes } from './contract.js'
import { nodeAsTold } from './member.js'
import { Stage } from './stage.js'
import { brokenPromises, linesOf, type Totals } from './totals.js'
import { serveRequests } from './worker.js'

/** In a child process: does what the environment says, until a signal. */
export function actAsTold(): Promise<number> {
  if (nodeAsTold() === nodes.clients) sendRequests()
  else serveRequests()
  return new Promise(() => {})
}

/** Runs the demo, and prints what happens and the totals. Gives the exit code. */
export async function show(output: Output, seconds: number): Promise<number> {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end.abort())
  // If the reader of the output ends, this ends too, and not before its children.
  process.stdout.removeAllListeners('error').on('error', () => end.abort())
  const news: string[] = []
  const hasScreen = !output.isJson && process.stdout.isTTY && process.stdin.isTTY
  const stage = new Stage(
    seconds,
    (text) => (hasScreen || output.isJson ? news.push(text) : output.line(text)),
    end.signal,
  )
  const screen = new AbortController()
  const shown = hasScreen ? showScreen(output, stage, news, screen.signal).finally(() => end.abort()) : undefined
  shown?.catch(() => end.abort()) // thrown where it is awaited
  let totals: Omit<Totals, 'left'> | undefined
  try {
    totals = await stage.run()
  } catch (error) {
    if (!end.signal.aborted) throw error
  } finally {
    screen.abort()
    await shown
    await stage.close()
  }
  if (hasScreen) for (const text of news) output.line(text)
  if (totals !== undefined) return report(output, { ...totals, left: stage.names() })
  output.note('ended early: all processes have ended, and the objects are removed')
  return 0
}

/** Shows the fleet live, with what happens above it. */
const showScreen = (output: Output, { fleet }: Stage, news: readonly string[], signal: AbortSignal): Promise<void> =>
  showTop(output, fleet.name, { intervalMs: 500, limit: Number.POSITIVE_INFINITY, signal }, news)

/** Prints the totals, and gives the exit code. */
function report(output: Output, totals: Totals): number {
  const broken = brokenPromises(totals)
  if (output.isJson) output.json({ ...totals, broken })
  else {
    output.line()
    for (const text of linesOf(totals)) output.line(text)
    output.line()
    for (const text of broken) output.line(output.paint('red', `broken promise: ${text}`))
    if (broken.length === 0) output.line(output.paint('green', 'all promises kept'))
  }
  return broken.length === 0 ? 0 : 1
}
