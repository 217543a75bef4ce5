import { lmdb } from './lmdb.js'
import { lruCache } from './lru.js'
import { ours } from './orbit.js'
import { redis } from './redis.js'
import type { Rival, RivalTrial } from './rival.js'
import { processSend } from './send.js'

/** In the order of the table. */
const rivals: readonly Rival[] = [lruCache, lmdb, redis, processSend]

export const rivalTrials: readonly RivalTrial[] = [...ours, ...rivals.flatMap(({ trials }) => trials)]

export interface Choice {
  /** Those that match, and ours of the same operations. */
  readonly trials: RivalTrial[]
  /** What has to run beside them. */
  readonly serves: NonNullable<Rival['serve']>[]
  /** A line for each rival that would match but cannot be measured here. */
  readonly skipped: string[]
}

export async function chooseRivals(matches: (name: string) => boolean): Promise<Choice> {
  const choice: Choice = { trials: [], serves: [], skipped: [] }
  for (const rival of rivals) {
    const chosen = rival.trials.filter(({ name }) => matches(name))
    if (chosen.length === 0) continue
    const lack = await rival.lacks()
    if (lack !== undefined) {
      choice.skipped.push(`${rival.name}: skipped, ${lack}`)
      continue
    }
    choice.trials.push(...chosen)
    if (rival.serve !== undefined) choice.serves.push(rival.serve)
  }
  const operations = new Set(choice.trials.map(({ operation }) => operation))
  choice.trials.unshift(...ours.filter(({ operation }) => operations.has(operation)))
  return choice
}
