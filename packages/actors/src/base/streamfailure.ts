import { decodeEnding, type Ending } from './wire.js'

/** How a stream has failed. It crosses between processes with its field. */
export class StreamFailure extends Error {
  /** Encoded. */
  readonly ending: Uint8Array

  constructor(ending: Uint8Array) {
    super('the stream has ended')
    this.ending = ending
  }

  /** The ending of a StreamFailure, even of one from another process; undefined: the error is none. */
  static endingOf(error: unknown): Ending | undefined {
    return decodeEnding((error as Partial<StreamFailure> | undefined)?.ending)
  }
}
