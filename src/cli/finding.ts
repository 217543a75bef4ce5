/** One result of `orbit doctor`. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'problem'
  /** The name of the check, which does not change. */
  readonly check: string
  readonly fleet: string | null
  /** The facts. */
  readonly found: string
  /** Their consequence; '': none. */
  readonly meaning: string
  /** The command or the step that fixes it; null: there is none, or none is needed. */
  readonly fix: string | null
}

type Rest = Partial<Pick<Finding, 'fleet' | 'meaning' | 'fix'>>

export function finding(level: Finding['level'], check: string, found: string, rest: Rest = {}): Finding {
  return { level, check, fleet: null, found, meaning: '', fix: null, ...rest }
}
