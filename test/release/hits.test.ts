// What npm run bench:hits reads: traces of others, in their formats.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { readTrace } from '../../bench/hits/trace.js'

const folder = mkdtempSync(join(tmpdir(), 'orbit-trace-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, bytes: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return file
}

/** A record of libCacheSim's oracleGeneral: time, key, size, and when the key comes next. */
function record(key: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeUInt32LE(77, 0)
  bytes.writeBigUInt64LE(key, 4)
  bytes.writeUInt32LE(size, 12)
  bytes.writeBigInt64LE(-1n, 16)
  return bytes
}

describe('readTrace', () => {
  const general = Buffer.concat([record(2n ** 40n, 100), record(5n, 70_000), record(2n ** 40n, 100)])

  it.each([
    ['general.bin', general],
    ['general.bin.gz', gzipSync(general)],
  ])('reads %s, of libCacheSim', (name, bytes) => {
    const trace = readTrace(written(name, bytes), 100)
    expect([...trace.keys]).toEqual([2 ** 40, 5, 2 ** 40])
    expect([...trace.bytes]).toEqual([100, 70_000, 100])
    expect([...trace.isUpdate]).toEqual([0, 0, 0])
    expect(trace.name).toBe('general.bin')
  })

  it('reads keys and sizes from the columns of a text', () => {
    const file = written('trace.csv', '10,a/b,4,300,get\n11,c,1,20,get\n12,a/b,4,300,get\n')
    const trace = readTrace(file, 100, { key: 2, size: 4 })
    expect([...trace.keys]).toEqual([0, 1, 0])
    expect([...trace.bytes]).toEqual([300, 20, 300])
  })

  it('makes sizes from the keys of a text without sizes', () => {
    const { keys, bytes } = readTrace(written('trace.txt', '  one\r\n\n two\n  one\n'), 100)
    expect([...keys]).toEqual([0, 1, 0])
    expect(bytes[0]).toBeGreaterThan(0)
    expect(bytes[2]).toBe(bytes[0])
  })

  it('reads no more requests than it is asked for', () => {
    expect(readTrace(written('long.bin', general), 2).keys).toHaveLength(2)
    expect(readTrace(written('long.txt', '1\n2\n3\n'), 2).keys).toHaveLength(2)
  })
})
