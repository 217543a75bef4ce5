// Messages are ASCII text: 16 digits, then filling. The digits are a time, or a publisher and how many it sent before.

const zero = 48
const digits = 16
const sequenceDigits = 12

/** Told by the sequence number, so that a torn message shows. */
const fillingOf = (sequence: number): number => 97 + (sequence % 26)

/** A message with memory of its own, as a user's would have. */
export const newMessage = (messageBytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(messageBytes)).fill(120)

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
  message.fill(fillingOf(sequence), digits)
}
export const readPublisher = (message: Uint8Array): number => read(message, 0, digits - sequenceDigits)
export const readSequence = (message: Uint8Array): number => read(message, digits - sequenceDigits, digits)

/** Whether the first and the last byte of the filling are those of this message. */
export function isWhole(message: Uint8Array, sequence: number): boolean {
  const filling = fillingOf(sequence)
  return message.length === digits || (message[digits] === filling && message[message.length - 1] === filling)
}
