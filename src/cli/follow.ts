import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from './command.js'
import type { ItemBatch, ItemFeed } from './feed.js'
import { type Item, itemJson, itemText } from './item.js'
import { jsonText } from './output.js'

const pollMax = 4096
/** An observer cannot be woken, so it polls: less often the longer there was no news. */
const firstPauseMs = 1
const lastPauseMs = 20

/** Throws if the ring that is read was removed. Not urgent: it may put that off. */
export type Check = (isUrgent?: boolean) => void

export interface FollowPlan {
  readonly limit: number
  readonly check: Check
  readonly signal: AbortSignal
  /** What it waits for while there is nothing to show. */
  readonly awaited: string
  /** Does the feed read as a member, which publishers wake? An observer polls. */
  readonly isMember?: boolean
}

/** Polls. An error that comes from a new fleet of the same name is replaced: the old fleet was removed. */
function pollOf(feed: ItemFeed, max: number, check: Check): ItemBatch {
  try {
    return feed.poll(max)
  } catch (error) {
    check(true)
    throw error
  }
}

/** Prints the items of a feed as they come, until the signal is aborted or the limit is reached. */
export async function follow(call: Call, feed: ItemFeed, plan: FollowPlan): Promise<void> {
  const { limit, check, signal, awaited } = plan
  const { output } = call
  const options = { isHex: call.flag('hex') }
  const text = (item: Item) => (output.isJson ? jsonText(itemJson(item, options)) : itemText(output, item, options))
  let isQuiet = output.isJson && !process.stderr.isTTY
  let pauseMs = firstPauseMs
  for (let left = limit; left > 0 && !signal.aborted; ) {
    const { items, from, to } = pollOf(feed, Math.min(pollMax, left), check)
    if (items.length > 0) output.line(items.map(text).join('\n'))
    left -= items.reduce((count, { item }) => count + (item === 'loss' ? 0 : 1), 0)
    check()
    pauseMs = to > from ? firstPauseMs : Math.min(lastPauseMs, pauseMs * 2)
    await output.written()
    if (!isQuiet && left > 0 && to === from) {
      output.note(`waiting for ${awaited}; Ctrl-C ends`)
      isQuiet = true
    }
    if (left <= 0) return
    if (plan.isMember && to === from) await feed.untilNews(signal)
    else await sleep(to > from ? 0 : pauseMs, undefined, { signal }).catch(() => {})
  }
}
