// The words of an object, as a peer or a hostile process would write them.
//
// These golden numbers repeat the picture in native/protocol/layout.h on purpose. layout.test.ts checks that the addon
// has the same ones.
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { expect } from 'vitest'
import { keep, objectPath } from './fleets.js'

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
  bootId: 88,
  kinds: 128,
  usedNodes: 160,
  name: (index: number): number => 192 + index * 72,
  records: 5376,
  record: (node: number): number => 5376 + node * 256,
  recordBytes: 256,
  end: (size: number): number => 5376 + size * 256,
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

/** Offsets in the header of a ring or table. */
export const ringHeaderAt = {
  kind: 64,
  capacity: 72,
  payloadBytes: 80,
  strideBytes: 88,
  fleetSize: 96,
  spareCount: 104,
  fingerprint: 112,
  schemaBytes: 120,
  typeName: 128,
  hint: 192,
  tokens: 200,
  floor: 256,
  sleeperGroups: 320,
  sparesTaken: 384,
  burned: 392,
  refused: 400,
  missedWakes: 408,
}

/** Offsets in the object of a ring with this geometry, and the numbers of its spares and chunks. */
export function ringAt(
  { capacity, payloadBytes, pod }: { capacity: number; payloadBytes: number; pod?: { schema: string } | undefined },
  fleetSize: number,
) {
  const schemaBytes = pod === undefined ? 0 : Buffer.byteLength(pod.schema) - 1
  const spareCount = Math.max(4, Math.floor(fleetSize / 4))
  const chunkCount = capacity + fleetSize + spareCount
  const stride = line(24 + payloadBytes)
  const slots = 448 + line(Math.ceil(fleetSize / 64) * 8)
  const entries = slots + line(capacity * 8)
  const spares = entries + fleetSize * 64
  const chunks = spares + line(spareCount * 8)
  const latest = chunks + chunkCount * stride + (schemaBytes === 0 ? 0 : line(schemaBytes + 1024))
  return {
    ...ringHeaderAt,
    sleepers: (node: number): number => 448 + Math.floor(node / 64) * 8,
    slot: (slot: number): number => slots + slot * 8,
    entry: (node: number): number => entries + node * 64,
    spare: (spare: number): number => spares + spare * 8,
    chunk: (chunk: number): number => chunks + chunk * stride,
    schema: chunks + chunkCount * stride,
    /** Of the value with this number that the owners of a node have published, from 1 on. */
    latest: (node: number, count: number): number => latest + (node * 2 + (count % 2)) * stride,
    end: latest + (pod === undefined ? 0 : fleetSize * 2 * stride),
    spares: spareCount,
    chunks: chunkCount,
    stride,
  }
}

export const slotWord = (lap: number, chunk: number): bigint => (BigInt(lap) << golden.chunkBits) | BigInt(chunk)
export const chunkIn = (word: bigint): number => Number(word & ((1n << golden.chunkBits) - 1n))
export const lapIn = (word: bigint): number => Number(word >> golden.chunkBits)

/** An object opened as a plain file. Every mapping of the object sees immediately what is written here. */
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
 * ids of frames and the hint. It does not change hands, so the ring must not have been published in.
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
