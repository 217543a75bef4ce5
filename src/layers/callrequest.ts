import { nodeOf, type PolledBytes, positionOf } from '../core/message.js'
import { abi } from '../core/native.js'
import { decodeValue, fewBytesOf, form, isReadWhole, type Load } from './callwire.js'

/** Where an answer goes. */
export interface ReplyTo {
  readonly slot: number
  readonly stamp: number
}

/** The beginning of a request, which names its method. */
interface Names {
  readonly prefix: Buffer
  readonly service: string
  readonly method: string
}

const none: Names = { prefix: Buffer.alloc(0), service: '', method: '' }
/** Those that were read, by the bytes of the prefix as latin1. */
const known = new Map<string, Names>()
const mostNames = 1024
/** The last that was read: most requests have the names of the one before. */
let last = none

function startsWith(bytes: Buffer, at: number, end: number, prefix: Buffer): boolean {
  if (prefix.length === 0 || prefix.length > end - at) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false
  return true
}

/** Undefined: there is no whole prefix. */
function namesAt(bytes: Buffer, at: number, end: number): Names | undefined {
  // Its first bytes are its lengths: bytes that begin with a prefix have that prefix.
  if (startsWith(bytes, at, end, last.prefix)) return last
  const nameEnd = at + 2 + (bytes[at] as number)
  const methodEnd = nameEnd + (bytes[at + 1] as number)
  if (methodEnd > end) return undefined
  const key = bytes.toString('latin1', at, methodEnd)
  let names = known.get(key)
  if (names === undefined) {
    const [service, method] = [bytes.toString('utf8', at + 2, nameEnd), bytes.toString('utf8', nameEnd, methodEnd)]
    names = { prefix: Buffer.from(bytes.subarray(at, methodEnd)), service, method }
    if (known.size < mostNames) known.set(key, names)
  }
  last = names
  return names
}

/** Flags of a request: it wants an answer, or an answer item by item. */
const [wantsReply, wantsStream] = [1, 2]

/** A request as its server reads it. */
export class Request implements ReplyTo {
  /** Of its message in the inbox. */
  readonly position: number
  /** Of its caller. */
  readonly node: number
  /** How many calls wait for it, each made by the handler of the one before. */
  readonly depth: number
  readonly slot: number
  readonly stamp: number
  readonly service: string
  readonly method: string
  /** What the tracer of the caller sent with it; '': nothing. */
  readonly tracing: string
  /** Its value is in these bytes, from `valueAt` to `end`. */
  readonly bytes: Buffer
  readonly #octets: Uint8Array
  readonly valueAt: number
  readonly end: number
  readonly #flags: number
  /** It runs, or has run. */
  isTaken = false

  constructor(polled: PolledBytes, record: number, end: number) {
    const { bytes, octets, words } = polled
    const header = record + abi.recordBytes
    const at = header + abi.requestHeaderBytes
    const word = header >> 2
    const names = end - at < 3 ? undefined : namesAt(bytes, at, end)
    let valueAt = names === undefined ? end : at + names.prefix.length
    let tracing = ''
    if (bytes[valueAt] === form.traced && valueAt + 3 <= end) {
      const tracingAt = valueAt + 3
      valueAt = tracingAt + bytes.readUInt16LE(valueAt + 1)
      tracing = bytes.toString('utf8', tracingAt, valueAt)
    }
    this.position = positionOf(polled, record)
    this.node = nodeOf(polled, record)
    const flags = words[word] as number
    this.#flags = flags
    this.depth = flags >>> 16
    this.slot = words[word + 1] as number
    this.stamp = (words[word + 2] as number) + (words[word + 3] as number) * 2 ** 32
    this.service = names?.service ?? ''
    this.method = names?.method ?? ''
    this.tracing = tracing
    this.bytes = bytes
    this.#octets = octets
    this.valueAt = valueAt
    this.end = end
    this.isTaken = valueAt >= end // foreign bytes, which no client has sent
  }

  /** Its value. Bytes in it share their buffer with no other request: a handler may transfer them. */
  value(load: Load): unknown {
    const { bytes, valueAt, end } = this
    if (isReadWhole(bytes[valueAt])) return decodeValue(bytes, valueAt, end, load)
    const few = fewBytesOf(this.#octets, valueAt, end)
    if (few !== undefined) return few
    const own = Buffer.allocUnsafeSlow(end - valueAt)
    bytes.copy(own, 0, valueAt, end)
    return decodeValue(own, 0, own.length, load)
  }

  /** Undefined: the caller wants no answer. */
  get replyTo(): ReplyTo | undefined {
    return (this.#flags & wantsReply) === 0 ? undefined : this
  }

  /** The answer is wanted item by item. */
  get wantsStream(): boolean {
    return (this.#flags & wantsStream) !== 0
  }
}
