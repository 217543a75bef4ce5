/** The part of a switchboard that serves. */
export interface Serving {
  /** How many calls it runs. */
  readonly running: number
  /** Takes requests, and looks for calls that are over; false: there was no request. */
  take(): boolean
  /** The fleet handle was closed. */
  close(): void
}
