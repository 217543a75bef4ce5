import { Fleet } from '../../src/index.js'

/** One of orbit's calls, measured in a process of its own: no other call's types in its inline caches. */
export interface Call {
  readonly name: string
  /** What is measured, in a sentence. */
  readonly measures: string
  /** How many calls or frames one `run` does. */
  readonly operations: number
  /** @param name a fleet name that no other cell uses */
  start(name: string): { run(): unknown; close(): void }
}

/** Where results go, so that no compiler may leave out what makes them. */
export const consumed: { number: number; value: unknown } = { number: 0, value: undefined }

const operations = 1000

function repeat(call: (i: number) => unknown): () => void {
  return () => {
    let last: unknown
    for (let i = 0; i < operations; i++) last = call(i)
    consumed.value = last
  }
}

/** A call that needs no fleet. */
export const plainCall = (name: string, measures: string, start: () => (i: number) => unknown): Call => ({
  ...{ name, measures, operations },
  start: () => ({ run: repeat(start()), close() {} }),
})

/** What does `operations` calls or frames by itself. */
export const batchCall = (
  name: string,
  measures: string,
  operations: number,
  start: (fleet: Fleet) => () => void,
): Call => ({
  ...{ name, measures, operations },
  start(fleetName) {
    const fleet = Fleet.joinShm(fleetName, { size: 8, lifetime: 'fleet' })
    return { run: start(fleet), close: () => fleet.close() }
  },
})

/** A call on a fleet: what is measured is each `(i) => result`. */
export const fleetCall = (name: string, measures: string, start: (fleet: Fleet) => (i: number) => unknown): Call =>
  batchCall(name, measures, operations, (fleet) => repeat(start(fleet)))

/** Another member of the fleet, in this process, for as long as it lives. */
export function otherMember(fleet: Fleet): Fleet {
  const other = Fleet.joinShm(fleet.name, { lifetime: 'fleet' })
  process.on('exit', () => other.close())
  return other
}
