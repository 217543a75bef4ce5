import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { afterEach, expect } from 'vitest'
import {
  Fleet,
  type FleetObserver,
  type Frame,
  type JoinShmOptions,
  OrbitError,
  type OrbitErrorCode,
  type Poll,
} from '../../src/index.js'

// ---- fleets that clean up after themselves --------------------------------------------------------------------------

const sharedMemory = '/dev/shm'

/** Tests that look at, or write into, the objects as files need a system that shows them. */
export const hasObjectFiles = process.platform === 'linux' && existsSync(sharedMemory)

const uid = process.geteuid?.() ?? 0
const open: Disposable[] = []
const planted: string[] = []
const names: string[] = []
let namesMade = 0

/** A fleet name that no other test, and no other process, has; what comes to stand under it goes with the test. */
export function fleetName(): string {
  const name = `test.${process.pid}.${++namesMade}`
  names.push(name)
  return name
}

/** Closes it after the test, in reverse order of keeping. */
export function keep<T extends Disposable>(thing: T): T {
  open.push(thing)
  return thing
}

export const joinShm = (name: string, options?: JoinShmOptions): Fleet => keep(Fleet.joinShm(name, options))
export const joinLocal = (name: string, options?: JoinShmOptions): Fleet => keep(Fleet.join(name, options))
export const observe = (name: string): FleetObserver => keep(Fleet.observe(name))

/** The two kinds of memory that rings live in, for `describe.each`. */
export const memories = [
  { memory: 'process-local memory', isShared: false, join: joinLocal },
  { memory: 'shared memory', isShared: true, join: joinShm },
]

/** The name of an object, as `Fleet.remove` gives it. */
export const objectName = (fleet: string, what: number | 'fleet'): string => `/orbit-${fleet}-${what}-${uid}`
export const objectPath = (fleet: string, what: number | 'fleet'): string => sharedMemory + objectName(fleet, what)

/** The names of everything in shared memory that belongs to this fleet, in order. */
export function objectsOf(fleet: string): string[] {
  if (!hasObjectFiles) return []
  return readdirSync(sharedMemory)
    .filter((file) => file.startsWith(`orbit-${fleet}-`))
    .map((file) => `/${file}`)
    .sort()
}

/** Where a member's bell stands. */
export const bellPath = (fleet: string, node: number): string => `${sharedMemory}/orbit-${fleet}-${node}-${uid}.bell`

/** The nodes of this fleet that have a bell, in order. */
export const bellsOf = (fleet: string): number[] =>
  objectsOf(fleet)
    .filter((object) => object.endsWith('.bell'))
    .map((object) => Number(object.split('-').at(-2)))
    .sort((a, b) => a - b)

/** The descriptors that this process has on a fleet's bells, in any state. */
export const bellDescriptors = (fleet: string): string[] =>
  descriptors().filter((path) => path.includes(`/orbit-${fleet}-`) && path.includes('.bell'))

/** What every descriptor of this process leads to. */
export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the folder's own
    }
  })
}

/** The bytes that wait in a bell, taken out of it. */
export function drainBell(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return readSync(fd, Buffer.alloc(70_000))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return 0
  } finally {
    closeSync(fd)
  }
}

/** A path under which the test puts something that `Fleet.remove` would not touch; it goes first. */
export function plant(path: string): string {
  planted.push(path)
  return path
}

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing[Symbol.dispose]()
  for (const path of planted.splice(0)) rmSync(path, { recursive: true, force: true })
  const left: string[] = []
  for (const name of names.splice(0)) {
    Fleet.remove(name, { force: true })
    for (const object of objectsOf(name)) {
      left.push(object)
      rmSync(sharedMemory + object, { recursive: true, force: true })
    }
  }
  expect(left, 'left in shared memory after Fleet.remove').toEqual([])
})

// ---- what tests say often -------------------------------------------------------------------------------------------

type Thrown = Error & { code?: string; errno?: number; syscall?: string }

/** What the call throws; the test fails when it does not. */
export function thrownBy(call: () => unknown): Thrown {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    return error as Thrown
  }
  throw new Error(`nothing was thrown; the call gave ${String(result)}`)
}

/** The call throws an error of just this class and code, whose message has all of these texts. */
export function expectRefusal(
  call: () => unknown,
  errorClass: typeof TypeError | typeof RangeError | typeof OrbitError,
  code: OrbitErrorCode,
  ...inMessage: string[]
): void {
  const error = thrownBy(call)
  expect(error.code, error.stack).toBe(code)
  expect(error.constructor).toBe(errorClass)
  for (const text of inMessage) expect(error.message).toContain(text)
}

export const expectTypeError = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, TypeError, 'ERR_ORBIT_INVALID_ARGUMENT', ...inMessage)
export const expectRangeError = (call: () => unknown, ...inMessage: string[]): void =>
  expectRefusal(call, RangeError, 'ERR_ORBIT_OUT_OF_RANGE', ...inMessage)
export const expectClosed = (call: () => unknown): void => expectRefusal(call, OrbitError, 'ERR_ORBIT_CLOSED', 'closed')

/** A payload that carries a number, and as many bytes of its own as asked for. */
export function numbered(value: number, bytes = 8): Uint8Array {
  const payload = new Uint8Array(bytes).fill(value & 0xff)
  new DataView(payload.buffer).setUint32(0, value)
  return payload
}

/** The number in such a payload, after a look at every byte of it. */
export function numberIn(frame: Frame | undefined): number | undefined {
  if (frame === undefined) return undefined
  const { payload } = frame
  const value = new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0)
  expect(Buffer.compare(payload, numbered(value, payload.length)), `frame ${frame.position} is whole`).toBe(0)
  return value
}

export const positionsOf = (poll: Poll): number[] => poll.frames.map((frame) => frame.position)

/** The account of a poll without its frames, after a look that it adds up. */
export function accountOf(poll: Poll): {
  count: number
  lost: number
  malformed: number
  from: number
  to: number
} {
  const { frames, lost, malformed, from, to } = poll
  expect(to - from, 'to - from').toBe(frames.length + lost + malformed)
  return { count: frames.length, lost, malformed, from, to }
}

/** A caller without types. */
// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests pass.
export const untyped = (value: unknown): any => value

// ---- the words of an object, as a peer or a hostile process would write them ----------------------------------------

// Golden numbers: written down here a second time on purpose, from the picture in native/protocol/layout.h. A test that they are
// the addon's stands in layout.test.ts.

const line = (bytes: number): number => Math.ceil(bytes / 64) * 64

export const golden = {
  magic: 0x314a4e544942524fn,
  layoutVersion: 2,
  fleetObject: 1,
  ringObject: 2,
  tableObject: 3,
  chunkBits: 20n,
  maxLap: 2 ** 44 - 1,
  maxPosition: 2 ** 53 - 2,
  counters: 2 ** 40,
}

/** Offsets in every object. */
export const objectAt = { magic: 0, layoutVersion: 8, objectType: 12, objectBytes: 16, fleetId: 32, retired: 40 }

/** Offsets in the fleet's object. */
export const fleetAt = {
  size: 64,
  lifetime: 72,
  subjectKey: 80,
  kinds: 128,
  records: 192,
  record: (node: number): number => 192 + node * 256,
  end: (size: number): number => 192 + size * 256,
}

/** Offsets in a node's record. */
export const recordAt = {
  incarnation: 0,
  joined: 8,
  pid: 16,
  startedAtMs: 24,
  joinedAtMs: 32,
  label: 40,
  beatCount: 72,
  beat: (count: number): number => 80 + (count % 2) * 88,
}

/** Offsets in a beat. */
export const beatAt = { unixMs: 0, monotonicMs: 8, loopDelayUs: 16, status: 24 }

/** Offsets in a node's entry of a ring. */
export const entryAt = { hand: 0, intentChunk: 8, intentPosition: 16, arm: 24 }

/** Offsets in a chunk. */
export const chunkAt = { id: 0, version: 8, length: 16, frameKind: 20, payload: 24 }

/** Offsets in the object of a ring with this geometry. */
export function ringAt(
  { capacity, payloadBytes, pod }: { capacity: number; payloadBytes: number; pod?: { schema: string } | undefined },
  fleetSize: number,
) {
  const schemaBytes = Buffer.byteLength(pod?.schema ?? '')
  const spareCount = Math.max(4, Math.floor(fleetSize / 4))
  const chunkCount = capacity + fleetSize + spareCount
  const stride = line(24 + payloadBytes)
  const slots = 448 + line(Math.ceil(fleetSize / 64) * 8)
  const entries = slots + line(capacity * 8)
  const spares = entries + fleetSize * 64
  const chunks = spares + line(spareCount * 8)
  return {
    kind: 64,
    capacity: 72,
    payloadBytes: 80,
    strideBytes: 88,
    fleetSize: 96,
    spareCount: 104,
    fingerprint: 112,
    typeName: 128,
    hint: 192,
    tokens: 200,
    floor: 256,
    sleeperGroups: 320,
    sparesTaken: 384,
    burned: 392,
    refused: 400,
    sleepers: (node: number): number => 448 + Math.floor(node / 64) * 8,
    slot: (slot: number): number => slots + slot * 8,
    entry: (node: number): number => entries + node * 64,
    spare: (spare: number): number => spares + spare * 8,
    chunk: (chunk: number): number => chunks + chunk * stride,
    schemaBytes: 120,
    schema: chunks + chunkCount * stride,
    end: chunks + chunkCount * stride + line(schemaBytes),
    spares: spareCount,
    chunks: chunkCount,
    stride,
  }
}

export const slotWord = (lap: number, chunk: number): bigint => (BigInt(lap) << golden.chunkBits) | BigInt(chunk)
export const chunkIn = (word: bigint): number => Number(word & ((1n << golden.chunkBits) - 1n))
export const lapIn = (word: bigint): number => Number(word >> golden.chunkBits)

/** An object opened as a plain file: what is written here, every mapping of it sees at once. */
export class ObjectFile implements Disposable {
  readonly #fd: number

  constructor(path: string) {
    this.#fd = openSync(path, 'r+')
  }
  #read(offset: number, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes)
    expect(readSync(this.#fd, buffer, 0, bytes, offset)).toBe(bytes)
    return buffer
  }
  bytes(offset: number, count: number): Buffer {
    return this.#read(offset, count)
  }
  u32(offset: number): number {
    return this.#read(offset, 4).readUInt32LE()
  }
  u64(offset: number): bigint {
    return this.#read(offset, 8).readBigUInt64LE()
  }
  setBytes(offset: number, bytes: Uint8Array): void {
    writeSync(this.#fd, bytes, 0, bytes.length, offset)
  }
  setU32(offset: number, value: number): void {
    const buffer = Buffer.alloc(4)
    buffer.writeUInt32LE(value)
    this.setBytes(offset, buffer)
  }
  setU64(offset: number, value: bigint): void {
    const buffer = Buffer.alloc(8)
    buffer.writeBigUInt64LE(value)
    this.setBytes(offset, buffer)
  }
  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

export const objectFile = (fleet: string, what: number | 'fleet'): ObjectFile =>
  keep(new ObjectFile(objectPath(fleet, what)))

/**
 * Makes a ring look as if `head` frames had been published in it, the retained ones empty and by node 0: slot words,
 * frames' ids and the hint. Hands stay where they are, so this is for a ring that nobody has published in.
 */
export function presetHead(
  file: ObjectFile,
  type: { kind: number; capacity: number; payloadBytes: number },
  fleetSize: number,
  head: number,
): void {
  const at = ringAt(type, fleetSize)
  const { kind, capacity } = type
  for (let position = head - capacity; position < head; position++) {
    const slot = position % capacity
    file.setU64(at.slot(slot), slotWord(Math.floor(position / capacity) + 1, slot))
    file.setU64(at.chunk(slot) + chunkAt.id, (BigInt(kind) << 56n) | BigInt(position % golden.counters))
  }
  file.setU64(at.hint, BigInt(head))
}
