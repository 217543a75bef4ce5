/** One figure, and what it is held against. */
export interface Figure {
  readonly what: string
  readonly value: string
  /** The goal of this package; '': none. */
  readonly goal?: string
  /** What the projects that this one was begun for promise of theirs, which have published no measurement. */
  readonly promise?: string
}

export const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number

export const us = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} us`
export const ms = (value: number): string => `${value.toFixed(1)} ms`
export const times = (value: number): string => `${value.toFixed(2)} x`

/** Prints figures as a table. */
export function print(title: string, figures: readonly Figure[]): void {
  console.log(`\n${title}`)
  for (const { what, value, goal = '', promise = '' } of figures) {
    const beside = [goal && `goal ${goal}`, promise && `promised elsewhere: ${promise}`].filter(Boolean).join('; ')
    console.log(`  ${what.padEnd(46)} ${value.padStart(16)}   ${beside}`.trimEnd())
  }
}
