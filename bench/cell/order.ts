// What host and peers say to each other on the line that is the driver's too.

/** From the host. `close`: the peer closes all it opened and ends. */
export interface Order {
  readonly benchOrder: number
  readonly what: 'open' | 'ask' | 'collect' | 'close'
  readonly order?: unknown
}

/** To the host: of the order of this number; 0: the peer runs. */
export interface Answer {
  readonly benchAnswer: number
  readonly result?: unknown
  readonly error?: string
}

export const isOrder = (message: unknown): message is Order =>
  typeof message === 'object' && message !== null && 'benchOrder' in message

export const isAnswer = (message: unknown): message is Answer =>
  typeof message === 'object' && message !== null && 'benchAnswer' in message
