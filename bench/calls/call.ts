import { Fleet } from '../../src/index.js'

/** What a call has while it runs. */
export interface Run {
  /** Does `operations` operations, and nothing that a reader of the call's name would not expect. */
  run(): void
  teardown(): void
}

/** One line of the table. Each call is measured in a process of its own. */
export interface Call {
  readonly name: string
  /** What is measured, in a sentence. */
  readonly measures: string
  /** What one figure is nanoseconds of. */
  readonly unit: 'call' | 'frame'
  /** How many of these one `run()` does. */
  readonly operations: number
  /** How many arguments the call has that crosses into the addon, if there is one; the ratios' baselines have as many. */
  readonly arguments?: 0 | 2 | 4
  /** @param fleet a name that nobody else uses; main removes what is left of it */
  setup(fleet: string): Run
}

/** A call on a shared fleet. */
export function onFleet(start: (fleet: Fleet) => () => void): (name: string) => Run {
  return (name) => {
    const fleet = Fleet.joinShm(name, { size: 8, lifetime: 'fleet' })
    return { run: start(fleet), teardown: () => fleet.close() }
  }
}

/** Where results go, so that no compiler may leave out what makes them. */
export const consumed: { number: number; value: unknown } = { number: 0, value: undefined }

/** Bytes that are not all the same. */
export function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 37 + 11) & 0xff)
}
