interface Level<S> {
  readonly below: Map<string, Level<S>>
  /** What follows `*` at this level. */
  any: Level<S> | undefined
  /** The members of patterns that end here. */
  readonly here: Set<S>
  /** The members of patterns that end with `>` at this level. */
  readonly rest: Set<S>
}

const newLevel = <S>(): Level<S> => ({ below: new Map(), any: undefined, here: new Set(), rest: new Set() })

const isEmpty = <S>({ below, any, here, rest }: Level<S>): boolean =>
  below.size === 0 && any === undefined && here.size === 0 && rest.size === 0

/**
 * Members by pattern, found by topic. A look costs as much as the patterns that match, however many others there are.
 */
export class TopicIndex<S> {
  readonly #root = newLevel<S>()

  /** @param pattern levels separated by dots, as `patternBytes` accepts it */
  add(pattern: string, member: S): void {
    const levels = pattern.split('.')
    let level = this.#root
    for (const [i, text] of levels.entries()) {
      if (text === '>' && i === levels.length - 1) {
        level.rest.add(member)
        return
      }
      level = step(level, text)
    }
    level.here.add(member)
  }

  /** Takes a member out that was added with this pattern. */
  delete(pattern: string, member: S): void {
    remove(this.#root, pattern.split('.'), 0, member)
  }

  /** Calls with the members of all patterns that match a topic, each once for each of its patterns. */
  match(topic: string, found: (member: S) => void): void {
    visit(this.#root, topic.split('.'), 0, found)
  }
}

/** The next level of a pattern, made if it is missing. */
function step<S>(level: Level<S>, text: string): Level<S> {
  const known = text === '*' ? level.any : level.below.get(text)
  if (known !== undefined) return known
  const made = newLevel<S>()
  if (text === '*') level.any = made
  else level.below.set(text, made)
  return made
}

/** Removes a member, and the levels that nothing needs any longer. */
function remove<S>(level: Level<S>, levels: readonly string[], i: number, member: S): void {
  const text = levels[i]
  if (text === undefined) {
    level.here.delete(member)
  } else if (text === '>' && i === levels.length - 1) {
    level.rest.delete(member)
  } else {
    const next = text === '*' ? level.any : level.below.get(text)
    if (next === undefined) return
    remove(next, levels, i + 1, member)
    if (!isEmpty(next)) return
    if (text === '*') level.any = undefined
    else level.below.delete(text)
  }
}

function visit<S>(level: Level<S>, levels: readonly string[], i: number, found: (member: S) => void): void {
  const text = levels[i]
  if (text === undefined) {
    for (const member of level.here) found(member)
    return
  }
  for (const member of level.rest) found(member)
  const next = level.below.get(text)
  if (next !== undefined) visit(next, levels, i + 1, found)
  if (level.any !== undefined) visit(level.any, levels, i + 1, found)
}
