import type { DestinationStream } from 'pino'
import { type Fleet, FlightRecorder, type FlightRecorderOptions } from '../index.js'

/**
 * A destination of pino that records lines in the memory of a fleet, where they outlive the process: `pino({},
 * pino.multistream([{ stream: process.stdout }, { level: 'debug', stream: new PinoRecorder(fleet) }]))`. It must run in
 * the thread that logs: a pino transport has lost what its thread has not written when the process is killed.
 */
export class PinoRecorder implements DestinationStream {
  /** Set by pino before each write: the level of the line, as a number. */
  lastLevel = 0
  readonly #recorder: FlightRecorder

  /** @throws what `FlightRecorder` throws */
  constructor(fleet: Fleet, options: FlightRecorderOptions = {}) {
    this.#recorder = new FlightRecorder(fleet, options)
  }

  /** Asks pino to set `lastLevel`. */
  get [Symbol.for('pino.metadata')](): true {
    return true
  }

  /** Records a line of pino. After the fleet was closed it does nothing. */
  write(line: string): void {
    this.#recorder.write(line, this.lastLevel)
  }
}
