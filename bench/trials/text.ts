// Messages are ASCII text: 16 digits, then filling. The digits are a time, or who publishes and how many before it.

const zero = 48
const filling = 'x'.charCodeAt(0)

export const digits = 16
const sequenceDigits = 12

/** A message with memory of its own, as a user's would have. */
export function newMessage(messageBytes: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(messageBytes)).fill(filling)
}

function write(message: Uint8Array, value: number, from: number, to: number): void {
  let rest = value
  for (let i = to - 1; i >= from; i--) {
    const next = Math.floor(rest / 10)
    message[i] = zero + rest - next * 10
    rest = next
  }
}

function read(message: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + (message[i] as number) - zero
  return value
}

export const writeTime = (message: Uint8Array, timeNs: number): void => write(message, timeNs, 0, digits)
export const readTime = (message: Uint8Array): number => read(message, 0, digits)

export function writeSequence(message: Uint8Array, publisher: number, sequence: number): void {
  write(message, publisher, 0, digits - sequenceDigits)
  write(message, sequence, digits - sequenceDigits, digits)
}
export const readPublisher = (message: Uint8Array): number => read(message, 0, digits - sequenceDigits)
export const readSequence = (message: Uint8Array): number => read(message, digits - sequenceDigits, digits)
