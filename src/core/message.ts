import { abi } from './native.js'
import { firstRecord, recordBytes, resultBytes, scratch } from './scratch.js'

/** One message as its owner polls it. */
export interface Message {
  /** The bytes of the message, a private copy. Its buffer has the other messages of the same poll, too. */
  readonly payload: Uint8Array
  /** The node of the sender, 0..65535. */
  readonly node: number
  /** The position of the message in its inbox, 0..2^53-2; the first message of a new inbox has 0. */
  readonly position: number
  /** The opcode that the sender gave it, 0..255; default 0. */
  readonly frameKind: number
  /** The version that the sender gave it, 0..2^53-1; default 0. */
  readonly version: number
}

// Offsets within a record, as indices of the views.
const positionIndex = abi.recordPosition >> 3
const versionIndex = abi.recordVersion >> 3
const nodeIndex = abi.recordNode >> 2
const lengthIndex = abi.recordLength >> 2
const frameKindIndex = abi.recordFrameKind >> 2

/** The copy of the messages of one poll. Each has a record, and its payload behind it. */
export interface PolledBytes {
  readonly bytes: Buffer
  /** The same bytes: parts of a Buffer are Buffers. */
  readonly octets: Uint8Array
  readonly floats: Float64Array
  readonly words: Uint32Array
}

/** Is called for each message of a poll, with the offsets at which its record begins and its payload ends. */
export type NoteMessage = (polled: PolledBytes, record: number, end: number) => void

export const positionOf = ({ floats }: PolledBytes, record: number): number =>
  floats[(record >> 3) + positionIndex] as number
export const nodeOf = ({ words }: PolledBytes, record: number): number => words[(record >> 2) + nodeIndex] as number

/** Copies the messages of one call out of the scratch. */
export function noteMessages(count: number, note: NoteMessage): void {
  const octets = scratch.bytes.slice(firstRecord, firstRecord + resultBytes())
  const { buffer } = octets
  const words = new Uint32Array(buffer)
  const polled = { bytes: Buffer.from(buffer), octets, floats: new Float64Array(buffer), words }
  let at = 0
  for (let i = 0; i < count; i++) {
    const length = words[(at >> 2) + lengthIndex] as number
    note(polled, at, at + recordBytes + length)
    at += recordBytes + ((length + 7) & ~7)
  }
}

/** Adds a message to a list. */
export const addTo =
  (messages: Message[]): NoteMessage =>
  (polled, record, end) => {
    const { bytes, floats, words } = polled
    messages.push({
      payload: new Uint8Array(bytes.buffer, record + recordBytes, end - record - recordBytes),
      node: nodeOf(polled, record),
      position: positionOf(polled, record),
      frameKind: words[(record >> 2) + frameKindIndex] as number,
      version: floats[(record >> 3) + versionIndex] as number,
    })
  }
