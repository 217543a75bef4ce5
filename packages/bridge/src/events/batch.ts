/** An event on its way to other hosts. */
export interface SentEvent {
  readonly topic: string
  readonly payload: Uint8Array
  readonly timestampMs: number
}

/** Events of one host and one route, in the order of their publication. */
export interface Batch {
  /** Names the count that `first` belongs to. */
  readonly epoch: number
  /** The index of the first event: how many events came before it, those that were lost included. */
  readonly first: number
  readonly events: readonly SentEvent[]
}

const version = 1
const headBytes = 1 + 8 + 8 + 4
const eventHeadBytes = 8 + 4 + 4
/** What a batch takes beside its events. */
export const batchOverhead = headBytes

// Events of one topic often follow each other: the topic that was encoded or decoded last is compared with the next.
let lastTopic = ''
let lastBytes: Uint8Array = new Uint8Array(0)

function encodedTopic(topic: string): Uint8Array {
  if (topic === lastTopic) return lastBytes
  lastBytes = Buffer.from(topic)
  lastTopic = topic
  return lastBytes
}

function decodedTopic(bytes: Buffer, begin: number, end: number): string {
  if (end - begin === lastBytes.length) {
    let i = 0
    while (i < lastBytes.length && lastBytes[i] === bytes[begin + i]) i++
    if (i === lastBytes.length) return lastTopic
  }
  const topic = bytes.toString('utf8', begin, end)
  encodedTopic(topic)
  return topic
}

/** How many bytes an event takes in a batch. */
export const sentBytes = ({ topic, payload }: SentEvent): number =>
  eventHeadBytes + encodedTopic(topic).length + payload.length

/** The bytes of a batch. */
export function encodeBatch({ epoch, first, events }: Batch): Uint8Array {
  let length = headBytes
  for (const event of events) length += sentBytes(event)
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = version
  bytes.writeDoubleLE(epoch, 1)
  bytes.writeDoubleLE(first, 9)
  bytes.writeUInt32LE(events.length, 17)
  let at = headBytes
  for (const { topic, payload, timestampMs } of events) {
    const topicBytes = encodedTopic(topic)
    bytes.writeDoubleLE(timestampMs, at)
    bytes.writeUInt32LE(topicBytes.length, at + 8)
    bytes.writeUInt32LE(payload.length, at + 12)
    at += eventHeadBytes
    bytes.set(topicBytes, at)
    bytes.set(payload, at + topicBytes.length)
    at += topicBytes.length + payload.length
  }
  return bytes
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** The batch in these bytes; undefined: they are none, or one of another version. */
export function decodeBatch(data: Uint8Array): Batch | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
  if (bytes.length < headBytes || bytes[0] !== version) return undefined
  const [epoch, first, count] = [bytes.readDoubleLE(1), bytes.readDoubleLE(9), bytes.readUInt32LE(17)]
  if (!isCount(epoch) || !isCount(first) || !isCount(first + count)) return undefined
  const events: SentEvent[] = []
  let at = headBytes
  for (let i = 0; i < count; i++) {
    if (at + eventHeadBytes > bytes.length) return undefined
    const payloadAt = at + eventHeadBytes + bytes.readUInt32LE(at + 8)
    const end = payloadAt + bytes.readUInt32LE(at + 12)
    if (end > bytes.length) return undefined
    const timestampMs = bytes.readDoubleLE(at)
    if (!isCount(timestampMs)) return undefined
    const topic = decodedTopic(bytes, at + eventHeadBytes, payloadAt)
    events.push({ topic, payload: bytes.subarray(payloadAt, end), timestampMs })
    at = end
  }
  return at === bytes.length ? { epoch, first, events } : undefined
}
