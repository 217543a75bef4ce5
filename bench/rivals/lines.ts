import { type Summary, summarize } from '../measure.js'
import { orbit, type RivalTrial } from './rival.js'

/** A rival beside us in one operation. */
export interface RivalLine {
  readonly operation: string
  readonly rival: string
  readonly measures: string
  /** Of ours, in nanoseconds; undefined where we have no such operation yet. */
  readonly orbit: Summary | undefined
  readonly figures: Summary
  /** The rival's median against ours. */
  readonly ratio: number | undefined
}

export function makeRivalLines(measured: readonly { call: RivalTrial; samples: readonly number[] }[]): RivalLine[] {
  const ours = new Map(
    measured
      .filter(({ call: trial }) => trial.who === orbit)
      .map(({ call: trial, samples }) => [trial.operation, summarize(samples)]),
  )
  const operations = [...new Set(measured.map(({ call: trial }) => trial.operation))]
  return operations.flatMap((operation) =>
    measured
      .filter(({ call: trial }) => trial.operation === operation && trial.who !== orbit)
      .map(({ call: trial, samples }) => {
        const figures = summarize(samples)
        const our = ours.get(operation)
        const ratio = our === undefined ? undefined : figures.median / our.median
        return { operation, rival: trial.who, measures: trial.measures, orbit: our, figures, ratio }
      }),
  )
}
