// The requests that the caches answer: generated ones, and traces of others from a file.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** A list of requests, in columns: millions of objects would measure the garbage collector. */
export interface Trace {
  readonly name: string
  readonly keys: Float64Array
  /** Of the value that belongs to the key. */
  readonly bytes: Uint32Array
  /** 1: the key is put without a get. */
  readonly isUpdate: Uint8Array
}

/** A generator of numbers in 0..1 with a period of 2^32 (mulberry32): each run asks the same. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The size of a key's value, the same in each request: lognormal, median 400 B, mean about 820 B, at most 65,000. */
function bytesOf(key: number): number {
  const random = randomOf(Math.imul(key >>> 0, 0x9e3779b1) ^ (key / 2 ** 32))
  random()
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Math.max(1, Math.min(65_000, Math.round(400 * Math.exp(1.2 * normal))))
}

function generate(name: string, length: number, next: (i: number) => { key: number; isUpdate?: boolean }): Trace {
  const keys = new Float64Array(length)
  const bytes = new Uint32Array(length)
  const isUpdate = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const request = next(i)
    keys[i] = request.key
    bytes[i] = bytesOf(request.key)
    isUpdate[i] = request.isUpdate === true ? 1 : 0
  }
  return { name, keys, bytes, isUpdate }
}

/** A generator of ranks 0..n-1: rank r comes 1/(r+1)^exponent as often as rank 0. */
export function zipfOf(n: number, exponent: number, random: () => number): () => number {
  const sums = new Float64Array(n)
  let sum = 0
  for (let i = 0; i < n; i++) sums[i] = sum += (i + 1) ** -exponent
  return () => {
    const wanted = random() * sum
    let low = 0
    let high = n - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sums[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

const keyCount = 300_000
/** Ranks become keys without order, so that no cache profits from neighbors. */
const keyOf = (rank: number): number => (rank * 2_654_435_761) % 2 ** 40

function zipf(name: string, length: number, exponent: number, updates: number): Trace {
  const random = randomOf(42)
  const rank = zipfOf(keyCount, exponent, random)
  return generate(name, length, () => ({ key: keyOf(rank()), isUpdate: random() < updates }))
}

/** Half of all requests rewrite one of four keys. */
function hotWrites(length: number): Trace {
  const random = randomOf(42)
  const rank = zipfOf(keyCount, 1, random)
  return generate('zipf 1.0, half rewrite 4 keys', length, () =>
    random() < 0.5 ? { key: 1e12 + Math.floor(random() * 4), isUpdate: true } : { key: keyOf(rank()) },
  )
}

/** A popular set, and now and then a pass over keys that come once. */
function scans(length: number): Trace {
  const random = randomOf(42)
  const rank = zipfOf(keyCount, 1, random)
  let fresh = 2e12
  return generate('zipf 1.0 with scans', length, (i) => ({ key: i % 100_000 < 30_000 ? fresh++ : keyOf(rank()) }))
}

/** The same keys in the same order, more than fit: the worst case of LRU. */
function loop(length: number): Trace {
  return generate('loop over 100k keys', length, (i) => ({ key: keyOf(i % 100_000) }))
}

/** Values of 82 KB on average, and at most a megabyte: most are larger than a segment of a store of 24 MiB. */
function large(name: string, length: number, updates: number): Trace {
  const random = randomOf(42)
  const rank = zipfOf(3000, 1, random)
  const trace = generate(name, length, () => ({ key: keyOf(rank()), isUpdate: random() < updates }))
  return { ...trace, bytes: trace.bytes.map((bytes) => Math.min(1e6, bytes * 100)) }
}

/** One of the rows: how much of all keys' bytes fits. */
export interface Row {
  readonly fraction: number
  readonly trace: () => Trace
}

export const rows = (length: number): Row[] => [
  { fraction: 0.1, trace: () => zipf('zipf 0.9, no updates', length, 0.9, 0) },
  { fraction: 0.1, trace: () => zipf('zipf 0.9, 90/10', length, 0.9, 0.1) },
  { fraction: 0.1, trace: () => zipf('zipf 1.0, no updates', length, 1, 0) },
  { fraction: 0.1, trace: () => zipf('zipf 1.0, 99/1', length, 1, 0.01) },
  { fraction: 0.1, trace: () => zipf('zipf 1.0, 90/10', length, 1, 0.1) },
  { fraction: 0.1, trace: () => zipf('zipf 1.0, 50/50', length, 1, 0.5) },
  { fraction: 0.02, trace: () => zipf('zipf 1.0, 90/10, 2 %', length, 1, 0.1) },
  { fraction: 0.4, trace: () => zipf('zipf 1.0, 90/10, 40 %', length, 1, 0.1) },
  { fraction: 0.1, trace: () => hotWrites(length) },
  { fraction: 0.1, trace: () => scans(length) },
  { fraction: 0.5, trace: () => loop(length) },
  { fraction: 0.1, trace: () => large('large values, no updates', length / 5, 0) },
  { fraction: 0.1, trace: () => large('large values, 90/10', length / 5, 0.1) },
  { fraction: 0.1, trace: () => large('large values, 50/50', length / 5, 0.5) },
]

/** The columns of a text that have the key and the size, from 1 on. */
export interface Columns {
  readonly key: number
  readonly size: number
}

/**
 * Reads a trace. `.bin`: libCacheSim's oracleGeneral, records of 24 bytes with a key of 8 at 4 and a size of 4 at 12.
 * Otherwise text, with columns between commas or spaces; without a size, or with one that is no number, it is made from
 * the key. Both may be compressed: `.gz`.
 */
export function readTrace(file: string, length: number, columns: Columns = { key: 1, size: 2 }): Trace {
  const bytes = readFileSync(file)
  const plain = file.endsWith('.gz') ? gunzipSync(bytes) : bytes
  const name = basename(file, '.gz')
  return name.endsWith('.bin') ? readBinary(name, plain, length) : readText(name, plain, length, columns)
}

function readBinary(name: string, file: Buffer, length: number): Trace {
  const count = Math.min(length, Math.floor(file.length / 24))
  const trace = { name, keys: new Float64Array(count), bytes: new Uint32Array(count), isUpdate: new Uint8Array(count) }
  for (let i = 0; i < count; i++) {
    trace.keys[i] = Number(file.readBigUInt64LE(i * 24 + 4) & 0x1fffffffffffffn)
    trace.bytes[i] = file.readUInt32LE(i * 24 + 12)
  }
  return trace
}

function readText(name: string, file: Buffer, length: number, columns: Columns): Trace {
  const ids = new Map<string, number>()
  const lines = file.toString('latin1').split('\n', length)
  const requests = lines.filter((line) => line.trim() !== '').map((line) => line.trim().split(/[\s,]+/))
  const trace = generate(name, requests.length, (i) => {
    const text = requests[i]?.[columns.key - 1] ?? ''
    const key = ids.get(text) ?? ids.size
    ids.set(text, key)
    return { key }
  })
  for (const [i, request] of requests.entries()) {
    const size = Number(request[columns.size - 1])
    if (size > 0) trace.bytes[i] = size
  }
  return trace
}
