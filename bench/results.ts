// What a run of the bench leaves: a JSON file from which the tables, the charts and README's ratios are made.

import type { Summary } from './measure.js'

/** One driver in one trial with one set of parameters. */
export interface CellResult extends Omit<Summary, 'min' | 'max'> {
  /** 'latency', 'throughput', ...: a file of trials/ each. */
  readonly trial: string
  /** As '64 B, 4 readers'; '' where a trial has but one cell a driver. The same for all drivers of a comparison. */
  readonly parameters: string
  /** The same as numbers, for charts and slopes. */
  readonly values: Readonly<Record<string, number>>
  readonly driver: string
  readonly unit: 'ns' | 'per second' | 'bytes' | 'seconds'
  readonly better: 'lower' | 'higher'
  /** Lowest and highest median of a visit: where the median of another run is to be expected. */
  readonly spread: readonly [number, number]
}

interface DriverResult {
  readonly name: string
  readonly settings: string
  readonly version: string
  readonly peers: 'processes' | 'threads'
}

export interface TrialResult {
  readonly name: string
  /** What a figure is, in a sentence. */
  readonly measures: string
  readonly rounds: number
  readonly visitMs: number
}

/** The part of a run that compares drivers. */
export interface Comparison {
  readonly trials: TrialResult[]
  readonly drivers: DriverResult[]
  readonly cells: CellResult[]
  /** A line for each driver that is not in it, and why. */
  readonly skipped: string[]
}

/** As 'throughput, 64 B, 4 readers, orbit': what there is of a trial, its parameters and a driver. */
export const named = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ')
