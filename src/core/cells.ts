import { rangeError } from '../base/errors.js'
import { Handle, objectText } from './handle.js'
import { abi, native, status } from './native.js'
import { firstRecord, putName, putText, resultTo, scratch } from './scratch.js'

/** A cell of a table of entries that has changed. */
export interface ChangedCell {
  readonly cell: number
  /** Absent: the cell has no entry of a living process. */
  readonly entry?: {
    readonly id: string
    readonly node: number
    readonly incarnation: number
    /** The value, as text. */
    readonly text: string
  }
}

const incarnationIndex = abi.entryIncarnation >> 3
const cellIndex = abi.entryCell >> 2
const nodeIndex = abi.entryNode >> 2
const idIndex = abi.entryIdBytes >> 2
const valueIndex = abi.entryValueBytes >> 2

/** How many of the `count` cells that the last call has left in the scratch have an entry. */
export function countEntries(count: number): number {
  let entries = 0
  let at = firstRecord
  for (let i = 0; i < count; i++) {
    const idBytes = scratch.words[(at >> 2) + idIndex] as number
    if (idBytes > 0) entries++
    at = (at + abi.entryRecordBytes + idBytes + (scratch.words[(at >> 2) + valueIndex] as number) + 7) & ~7
  }
  return entries
}

/** One open table of entries of processes. native/protocol/entries.h describes it. */
export class Cells extends Handle {
  static readonly isTable = true

  /** Adds an entry of this process, and returns its cell. The search for a free one begins at `start`. */
  add(id: string, text: string, start: number): number {
    const [idBytes, valueBytes] = this.#put(id, text)
    return this.#orThrow(native.entryAdd(this.handle, start, idBytes, valueBytes))
  }

  /** Changes the entry in a cell; false: it is not one of this process. */
  change(cell: number, id: string, text: string): boolean {
    const [idBytes, valueBytes] = this.#put(id, text)
    return this.#orThrow(native.entryChange(this.handle, cell, idBytes, valueBytes)) === 1
  }

  /** Empties a cell; false: its entry is not one of this process. */
  empty(cell: number): boolean {
    return this.#orThrow(native.entryRemove(this.handle, cell)) === 1
  }

  /**
   * The cells from `from` on that have other stamps than in `stamps`, which is brought up to date, and where to go on.
   *
   * @param stamps 8 bytes for each cell
   */
  changed(from: number, stamps: Uint8Array): { cells: ChangedCell[]; to: number } {
    const count = this.orThrow(native.entriesChanged(this.handle, from, stamps))
    const to = resultTo()
    const cells: ChangedCell[] = []
    let at = firstRecord
    for (let i = 0; i < count; i++) {
      const word = at >> 2
      const [cell, node] = [scratch.words[word + cellIndex] as number, scratch.words[word + nodeIndex] as number]
      const [idBytes, valueBytes] = [
        scratch.words[word + idIndex] as number,
        scratch.words[word + valueIndex] as number,
      ]
      const incarnation = scratch.floats[(at >> 3) + incarnationIndex] as number
      const begin = at + abi.entryRecordBytes
      const end = begin + idBytes + valueBytes
      const id = scratch.buffer.toString('utf8', begin, begin + idBytes)
      const text = scratch.buffer.toString('utf8', begin + idBytes, end)
      cells.push(idBytes === 0 ? { cell } : { cell, entry: { id, node, incarnation, text } })
      at = (end + 7) & ~7
    }
    return { cells, to }
  }

  /** Writes id and value where the addon reads them, and returns their lengths. */
  #put(id: string, text: string): readonly [number, number] {
    const end = firstRecord + this.payloadBytes - abi.entryHeaderBytes
    const idEnd = putName('id', id, firstRecord, end)
    const valueEnd = idEnd < 0 ? -1 : putText(text, idEnd, end)
    if (valueEnd >= 0) return [idEnd - firstRecord, valueEnd - idEnd]
    const sizes = `id of ${Buffer.byteLength(id)} bytes and value of ${Buffer.byteLength(text)} bytes of JSON`
    const most = `must have at most entryBytes=${end - firstRecord} together`
    throw rangeError('ERR_ORBIT_PAYLOAD_SIZE', `${objectText(this.name, this.kind)}: ${sizes} ${most}`)
  }

  #orThrow(result: number): number {
    if (result === status.full) {
      this.fail('TABLE_FULL', `all of its capacity=${this.capacity} entries are in use; open it with a larger capacity`)
    }
    return this.orThrow(result)
  }
}
