// What a run of the bench leaves: a JSON file with a line for each cell, from which tables and the chart are made.

import type { Summary } from './measure.js'
import type { Better, Unit } from './units.js'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly package: string
  readonly commit: string
  readonly date: string
  /** Of the minute before the bench began. */
  readonly loadAverage: number
}

export interface TrialResult {
  readonly name: string
  readonly measures: string
  readonly unit: Unit
  readonly better: Better
  readonly rounds: number
  readonly runMs: number
  /** What was measured, and when, if that is not what `machine` says: results of several runs in one file. */
  readonly of?: string
}

/** One driver in one case of a trial. */
export interface CellResult extends Summary {
  readonly trial: string
  readonly case: string
  readonly driver: string
  /**
   * Lowest and highest median of a run: where the median of another run of the bench is to be expected; null: unknown.
   */
  readonly low: number | null
  readonly high: number | null
}

export interface Results {
  readonly machine: Machine
  /** Fewer and shorter rounds: no figures to quote. */
  readonly isQuick: boolean
  readonly trials: readonly TrialResult[]
  readonly drivers: readonly { readonly name: string; readonly version: string; readonly settings: string }[]
  readonly cells: readonly CellResult[]
  /** A line for each driver that could not be measured, and why. */
  readonly skipped: readonly string[]
}

/** As 'throughput, 64 B, 4 readers'. */
export const named = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ')

const aboutBuild = ({ package: name, commit, date }: Machine): string =>
  `${name}, commit ${commit}, ${date.slice(0, 10)}`

/**
 * The results of a run, with those of an older one for the trials that it did not measure. Cases that it did not
 * measure are kept if they are of the same build: a long trial can be measured in parts.
 */
export function merged(older: Results, newer: Results): Results {
  const build = aboutBuild(older.machine)
  const isElsewhere = older.machine.cpu !== newer.machine.cpu
  const of =
    build === aboutBuild(newer.machine)
      ? {}
      : { of: isElsewhere ? `${build}, on ${older.machine.cpu}, ${older.machine.cores} cores` : build }
  const trials = new Map(older.trials.map((trial) => [trial.name, { ...of, ...trial }]))
  const isKept = ({ trial, case: ofCase }: CellResult) =>
    newer.trials.every(({ name }) => name !== trial) ||
    (trials.get(trial)?.of === undefined && newer.cells.every((cell) => cell.trial !== trial || cell.case !== ofCase))
  // A case that is measured again keeps its place in the tables.
  const nameOf = ({ trial, case: ofCase, driver }: CellResult) => named(trial, ofCase, driver)
  const renewed = new Map(newer.cells.map((cell) => [nameOf(cell), cell]))
  const kept = older.cells.flatMap((cell) => renewed.get(nameOf(cell)) ?? (isKept(cell) ? [cell] : []))
  for (const trial of newer.trials) trials.set(trial.name, trial)
  const known = new Set(newer.drivers.map(({ name }) => name))
  return {
    ...newer,
    trials: [...trials.values()],
    drivers: [...newer.drivers, ...older.drivers.filter(({ name }) => !known.has(name))],
    cells: [...new Set([...kept, ...newer.cells])],
    skipped: [...new Set([...newer.skipped, ...older.skipped])],
  }
}

const columns = ['trial', 'case', 'driver', 'samples', 'median', 'p10', 'p90', 'p99', 'low', 'high'] as const

const rounded = (value: string | number | null) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)

export function toJson({ cells, ...about }: Results): string {
  const rows = cells.map((cell) => JSON.stringify(columns.map((column) => rounded(cell[column]))))
  const head = JSON.stringify({ ...about, columns }, null, 2).slice(0, -2)
  return `${head},\n  "cells": [\n    ${rows.join(',\n    ')}\n  ]\n}\n`
}

export function fromJson(text: string): Results {
  const { columns, cells, ...about } = JSON.parse(text) as Results & { columns: string[]; cells: unknown[][] }
  const cellOf = (row: readonly unknown[]) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))
  return { ...about, cells: cells.map(cellOf) as unknown as CellResult[] }
}
