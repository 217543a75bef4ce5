/** What doctor found. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'problem'
  /** A stable name. */
  readonly check: string
  readonly fleet: string | null
  readonly found: string
  readonly meaning: string
  /** The command that fixes it; null: nothing is to be done, or nothing can be. */
  readonly fix: string | null
}

type Rest = Partial<Pick<Finding, 'fleet' | 'meaning' | 'fix'>>

export function finding(level: Finding['level'], check: string, found: string, rest: Rest = {}): Finding {
  return { level, check, fleet: null, found, meaning: '', fix: null, ...rest }
}
