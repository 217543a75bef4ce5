import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import {
  Client,
  Contest,
  codecs,
  errorCodes,
  Fleet,
  NetId64,
  OrbitError,
  type OrbitErrorCode,
  orbitType,
  pod,
  TypedCache,
} from '../../src/index.js'
import {
  chunkAt,
  chunkIn,
  entryAt,
  fleetAt,
  golden,
  objectAt,
  objectFile,
  presetHead,
  recordAt,
  ringAt,
  slotWord,
} from '../help/bytes.js'
import {
  fleetName,
  hasObjectFiles,
  joinLocal,
  joinShm,
  objectName,
  objectPath,
  observe,
  plant,
} from '../help/fleets.js'
import { numbered } from '../help/frames.js'
import { expectRefusal, thrownBy, untyped } from '../help/refusals.js'

const Small = orbitType({ name: 'Small', kind: 7, capacity: 4, payloadBytes: 16 })
const One = orbitType({ name: 'One', kind: 12, capacity: 1, payloadBytes: 16 })

const besides = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** What produces each code: a call, or the test file that does it where other processes are needed. */
const producers: Record<OrbitErrorCode, (() => unknown) | string> = {
  ERR_ORBIT_INVALID_ARGUMENT: () => Fleet.join(untyped(5)),
  ERR_ORBIT_OUT_OF_RANGE: () => Fleet.join('web', { size: 0 }),
  ERR_ORBIT_INVALID_ID: () => NetId64.parse('not-an-id'),
  ERR_ORBIT_PAYLOAD_SIZE: () => joinLocal(fleetName()).publish(Small, new Uint8Array(17)),
  ERR_ORBIT_CLOSED: () => {
    const fleet = joinLocal(fleetName())
    fleet.close()
    fleet.nodes()
  },
  ERR_ORBIT_READ_ONLY: () => {
    const name = fleetName()
    joinShm(name).head(Small)
    Fleet.prototype.publish.call(untyped(observe(name)), Small, numbered(1))
  },
  ERR_ORBIT_NOT_FOUND: () => observe(fleetName()),
  ERR_ORBIT_NODE_TAKEN: () => {
    const name = fleetName()
    joinLocal(name, { node: 3 })
    joinLocal(name, { node: 3 })
  },
  ERR_ORBIT_FLEET_FULL: () => {
    const name = fleetName()
    joinLocal(name, { size: 1 })
    joinLocal(name)
  },
  ERR_ORBIT_IN_USE: () => Fleet.remove(joinShm(fleetName()).name),
  ERR_ORBIT_BUSY: '../core/processes.test.ts',
  ERR_ORBIT_RETIRED: () => {
    const fleet = joinShm(fleetName())
    fleet.head(Small)
    Fleet.remove(fleet.name, { force: true })
    fleet.publish(Small, numbered(1))
  },
  ERR_ORBIT_KINDS_FULL: '../core/kinds.test.ts',
  ERR_ORBIT_NO_SPACE: '../core/hostile.test.ts',
  ERR_ORBIT_TABLE_FULL: () => {
    const contest = new Contest(joinLocal(fleetName()), { capacity: 1 })
    for (let i = 0; ; i++) contest.tryClaim(`${i}`, { ttlMs: 60_000 })
  },
  ERR_ORBIT_CLAIM_LOST: async () => {
    const fleet = joinLocal(fleetName())
    await new Contest(fleet).run('leader', {}, () => fleet.close())
  },
  ERR_ORBIT_TIMEOUT: async () => {
    const contest = new Contest(joinLocal(fleetName()))
    contest.tryClaim('leader', { ttlMs: 60_000 })
    await contest.claim('leader', { ttlMs: 60_000, timeoutMs: 1 })
  },
  ERR_ORBIT_LOAD_CYCLE: async () => {
    const cache = new TypedCache<string>(joinLocal(fleetName()), { codec: codecs.text() })
    await cache.getOrSet('key', () => cache.getOrSet('key', () => 'value'))
  },
  ERR_ORBIT_NO_SERVER: () => new Client(joinLocal(fleetName()), 'math').call('add'),
  ERR_ORBIT_NO_HANDLER: '../layers/calls.test.ts',
  ERR_ORBIT_SERVER_DIED: '../layers/calls.test.ts',
  ERR_ORBIT_CALLS_FULL: () => {
    const name = fleetName()
    for (;;) new Client(joinLocal(name), 'math')
  },
  ERR_ORBIT_NO_SPARE: () => joinShm(fleetWithoutSpares(), { node: 1 }),
  ERR_ORBIT_EXHAUSTED: () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    fleet.head(One)
    presetHead(objectFile(fleet.name, One.kind), One, 4, golden.maxLap)
    fleet.publish(One, numbered(1))
  },
  ERR_ORBIT_PERMISSION: () => {
    const name = fleetName()
    joinShm(name).close()
    chmodSync(plant(objectPath(name, 'fleet')), 0o640)
    joinShm(name)
  },
  ERR_ORBIT_LAYOUT_MISMATCH: () => {
    const name = fleetName()
    joinShm(name)
    objectFile(name, 'fleet').setU32(objectAt.layoutVersion, golden.layoutVersion + 1)
    joinShm(name)
  },
  ERR_ORBIT_TYPE_MISMATCH: () => {
    const name = fleetName()
    joinLocal(name, { size: 4 })
    joinLocal(name, { size: 5 })
  },
  ERR_ORBIT_CORRUPT: () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    fleet.publish(Small, numbered(1))
    objectFile(fleet.name, 7).setU64(ringAt(Small, 4).slot(0), slotWord(1, 2 ** 20 - 1))
    fleet.readHead(Small)
  },
  ERR_ORBIT_SYSTEM: () => {
    const name = fleetName()
    mkdirSync(plant(objectPath(name, 7)))
    Fleet.remove(name)
  },
  ERR_ORBIT_NATIVE: async () => {
    vi.stubEnv('ORBIT_NATIVE_PATH', '/nonexistent/orbit.node')
    vi.resetModules()
    try {
      const { Fleet } = await import('../../src/index.js')
      Fleet.join('unsupported')
    } finally {
      vi.unstubAllEnvs()
      vi.resetModules()
    }
  },
}

/**
 * A fleet where node 0 is alive, the ring has no spare left, and node 1 died with an intent that its slot no longer
 * explains: the two chunks that it may own are not visible anywhere, so the next owner of the node needs a spare.
 */
function fleetWithoutSpares(size = 4): string {
  const name = fleetName()
  const fleet = joinShm(name, { size })
  for (let value = 0; value < 8; value++) fleet.publish(Small, numbered(value))
  const at = ringAt(Small, size)
  const ring = objectFile(name, 7)
  ring.setU64(at.sparesTaken, BigInt(at.spares))
  ring.setU64(at.entry(1) + entryAt.intentChunk, ring.u64(at.spare(0)))
  ring.setU64(at.entry(1) + entryAt.intentPosition, 3n)
  const members = objectFile(name, 'fleet')
  members.setU64(fleetAt.usedNodes, 2n)
  members.setU64(fleetAt.record(1) + recordAt.incarnation, 1n)
  members.setU32(fleetAt.record(1) + recordAt.joined, 1)
  return name
}

describe('every error code', () => {
  const needsFiles = new Set([
    'NOT_FOUND',
    'PERMISSION',
    'LAYOUT_MISMATCH',
    'CORRUPT',
    'NO_SPARE',
    'EXHAUSTED',
    'SYSTEM',
  ])

  it.each(Object.entries(producers).filter(([, producer]) => typeof producer !== 'string'))(
    'produces %s by a call',
    async (code, producer) => {
      if (!hasObjectFiles && needsFiles.has(code.slice('ERR_ORBIT_'.length))) return
      let thrown: unknown
      try {
        await (producer as () => unknown)()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(Error)
      expect((thrown as Error & { code?: string }).code, (thrown as Error).stack).toBe(code)
      expect((thrown as Error).message.length).toBeGreaterThan(5)
    },
  )

  it.each(Object.entries(producers).filter(([, producer]) => typeof producer === 'string'))(
    'produces %s in %s, by several processes',
    (code, file) => {
      expect(readFileSync(besides(file as string), 'utf8')).toContain(code)
    },
  )

  it('has a sentence that explains it', () => {
    expect(Object.keys(producers).sort()).toEqual(Object.keys(errorCodes).sort())
    for (const [code, meaning] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^ERR_ORBIT_[A-Z_]+$/)
      expect(meaning).toMatch(/^[A-Z].*[^.]\.$/)
    }
    expect(new Set(Object.values(errorCodes)).size).toBe(Object.keys(errorCodes).length)
  })

  it('appears in the sources only as spelled in the list', () => {
    const used = new Set<string>()
    for (const file of sources()) {
      for (const [code] of readFileSync(file, 'utf8').matchAll(/ERR_ORBIT_[A-Z_]*[A-Z]/g)) used.add(code)
    }
    expect([...used].sort()).toEqual(Object.keys(errorCodes).sort())
  })

  const page = besides('../../docs/guide/errors.md')

  it.skipIf(!existsSync(page))('has a row in the table of docs/guide/errors.md, with the same sentence', () => {
    const text = readFileSync(page, 'utf8')
    const rows = [...text.matchAll(/^\|\s*`?(ERR_ORBIT_\w+)`?\s*\|\s*(.*?)\s*\|\s*$/gm)]
    expect(rows.map(([, code, meaning]) => [code, meaning])).toEqual(Object.entries(errorCodes))
  })

  it('has a row in docs/guide/troubleshooting.md, as has each code of a warning', () => {
    const text = readFileSync(besides('../../docs/guide/troubleshooting.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code as string)
    const warnings = new Set<string>()
    for (const file of sources()) {
      for (const [, code] of readFileSync(file, 'utf8').matchAll(/'(ORBIT_[A-Z_]+)'/g)) warnings.add(code as string)
    }
    for (const variable of ['ORBIT_NATIVE_PATH', 'ORBIT_DEMO']) warnings.delete(variable)
    expect(rows).toEqual([...Object.keys(errorCodes), ...[...warnings].sort()])
  })
})

function sources(): string[] {
  const { readdirSync } = process.getBuiltinModule('node:fs')
  return ['../../src/', '../../native/'].flatMap((folder) =>
    readdirSync(besides(folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|cc|h)$/.test(file))
      .map((file) => besides(folder + file)),
  )
}

describe('an OrbitError', () => {
  it('is an Error with a name, a code and a message, and has errno and syscall only when a system call failed', () => {
    const error = thrownBy(() => observe(fleetName()))
    expect(error).toBeInstanceOf(OrbitError)
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('OrbitError')
    expect(error.stack).toContain('errors.test.ts')
    expect('errno' in error).toBe(false)
    expect('syscall' in error).toBe(false)
    const plain = new OrbitError('ERR_ORBIT_BUSY', 'why', { errno: 11, syscall: 'fcntl', cause: error })
    expect(plain).toMatchObject({ code: 'ERR_ORBIT_BUSY', message: 'why', errno: 11, syscall: 'fcntl', cause: error })
  })

  it('is not used for wrong arguments, which throw a TypeError or RangeError with a code', () => {
    expectRefusal(() => orbitType(untyped(7)), TypeError, 'ERR_ORBIT_INVALID_ARGUMENT', '7')
    expectRefusal(() => orbitType({ name: 'a', kind: 300 }), RangeError, 'ERR_ORBIT_OUT_OF_RANGE', '300')
  })

  it.each([
    ['a\nb', '"a\\nb"'],
    ['x'.repeat(1000), 'x…"'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [{ toString: () => 'never called' }, 'an object'],
    [['a'], 'an array'],
    [Object.create(null), 'an object'],
    [-0, '0'],
    [10n, '10n'],
    [true, 'true'],
  ])('shows any wrong value in its message: %o', (value, shown) => {
    const { message } = thrownBy(() => Fleet.join(untyped(value)))
    expect(message).toContain(`name=`)
    expect(message).toContain(shown)
    expect(message.length).toBeLessThan(200)
  })
})

describe.skipIf(!hasObjectFiles)('without spare chunks', () => {
  it('does not assign a node with an unknown chunk, but assigns the others', () => {
    const name = fleetWithoutSpares()
    expectRefusal(
      () => joinShm(name, { node: 1 }),
      OrbitError,
      'ERR_ORBIT_NO_SPARE',
      objectName(name, 'fleet'),
      'spare',
    )
    const next = joinShm(name)
    expect(next.node).toBe(2)
    expect(next.publish(Small, numbered(8)).toString()).toBe('7:2:8')
  })

  it('does not report a full fleet when only a node with an unknown chunk is left', () => {
    const name = fleetWithoutSpares(2)
    expectRefusal(() => joinShm(name), OrbitError, 'ERR_ORBIT_NO_SPARE', 'spare')
  })

  it('recovers the spare chunks when all members have left', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    for (let value = 0; value < 8; value++) fleet.publish(Small, numbered(value))
    const at = ringAt(Small, 4)
    const ring = objectFile(name, 7)
    ring.setU64(at.sparesTaken, BigInt(at.spares))
    ring.setU64(at.burned, BigInt(at.spares))
    ring.setU64(at.entry(1) + entryAt.intentChunk, ring.u64(at.spare(0)))
    ring.setU64(at.entry(1) + entryAt.intentPosition, 3n)
    fleet.close()
    const next = joinShm(name, { node: 1 })
    expect(next.publish(Small, numbered(8)).toString()).toBe('7:1:8')
    expect(next.stats(Small)).toMatchObject({ burned: 0, spares: 4 })
    expect(ring.u64(at.sparesTaken)).toBe(0n)
  })

  it('assigns a node with an unknown chunk while a spare is left, and counts one chunk as burned', () => {
    const name = fleetWithoutSpares()
    const ring = objectFile(name, 7)
    const at = ringAt(Small, 4)
    ring.setU64(at.sparesTaken, BigInt(at.spares - 1))
    const last = Number(ring.u64(at.spare(at.spares - 1)))
    const next = joinShm(name, { node: 1 })
    next.publish(Small, numbered(8))
    expect(chunkIn(ring.u64(at.slot(0)))).toBe(last)
    expect(next.stats(Small)?.burned).toBe(1)
    expect(next.readHead(Small)?.node).toBe(1)
  })
})

describe.skipIf(!hasObjectFiles)('a damaged fleet object', () => {
  const damages: [string, OrbitErrorCode, string[], (file: ReturnType<typeof objectFile>) => void][] = [
    [
      'another magic',
      'ERR_ORBIT_LAYOUT_MISMATCH',
      ['magic='],
      (file) => file.setU64(objectAt.magic, 0x1122334455667788n),
    ],
    ['another type of object', 'ERR_ORBIT_CORRUPT', [], (file) => file.setU32(objectAt.objectType, 2)],
    ['another size than its file', 'ERR_ORBIT_CORRUPT', [], (file) => file.setU64(objectAt.objectBytes, 64n)],
    ['no nodes', 'ERR_ORBIT_CORRUPT', [], (file) => file.setU32(fleetAt.size, 0)],
    ['more nodes than it has room for', 'ERR_ORBIT_CORRUPT', [], (file) => file.setU32(fleetAt.size, 5)],
    ['more nodes than there can be', 'ERR_ORBIT_CORRUPT', [], (file) => file.setU32(fleetAt.size, 0xffffffff)],
  ]

  it.each(damages)(
    'rejects a fleet object with %s (%s), for members and observers, and does not change it',
    (_, code, inMessage, damage) => {
      const name = fleetName()
      joinShm(name, { size: 4 }).close()
      const file = objectFile(name, 'fleet')
      damage(file)
      const before = file.bytes(0, fleetAt.end(4))
      for (const open of [joinShm, observe]) {
        expectRefusal(() => open(name), OrbitError, code, objectName(name, 'fleet'), ...inMessage)
      }
      expect(file.bytes(0, fleetAt.end(4)).equals(before)).toBe(true)
      expect(Fleet.remove(name, { force: true })).toEqual([objectName(name, 'fleet')])
    },
  )

  it('formats a fleet object without a magic anew on join, and is not found by an observer', () => {
    const name = fleetName()
    joinShm(name, { size: 4 }).close()
    objectFile(name, 'fleet').setU64(objectAt.magic, 0n)
    expectRefusal(() => observe(name), OrbitError, 'ERR_ORBIT_NOT_FOUND', name)
    expect(joinShm(name, { size: 8 }).size).toBe(8)
    expect(observe(name).size).toBe(8)
  })
})

describe.skipIf(!hasObjectFiles)('a damaged ring object', () => {
  const damages: [
    string,
    OrbitErrorCode,
    (file: ReturnType<typeof objectFile>, at: ReturnType<typeof ringAt>) => void,
  ][] = [
    ['another magic', 'ERR_ORBIT_LAYOUT_MISMATCH', (file) => file.setU64(objectAt.magic, 1n)],
    ['another layout version', 'ERR_ORBIT_LAYOUT_MISMATCH', (file) => file.setU32(objectAt.layoutVersion, 0)],
    ['the type of a fleet object', 'ERR_ORBIT_CORRUPT', (file) => file.setU32(objectAt.objectType, 1)],
    ['another KIND', 'ERR_ORBIT_TYPE_MISMATCH', (file, at) => file.setU32(at.kind, 8)],
    ['no capacity', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.capacity, 0)],
    ['a capacity that is not a power of two', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.capacity, 3)],
    ['a capacity that its file has no room for', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.capacity, 2 ** 19)],
    ['payloads that its file has no room for', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.payloadBytes, 4000)],
    ['another stride', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.strideBytes, 128)],
    ['another fleet size', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.fleetSize, 5)],
    ['more spares', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU32(at.spareCount, 5)],
    ['a hand that is not a chunk', 'ERR_ORBIT_CORRUPT', (file, at) => file.setU64(at.entry(0) + entryAt.hand, 1000n)],
    [
      'an intent for no position',
      'ERR_ORBIT_CORRUPT',
      (file, at) => file.setU64(at.entry(0) + entryAt.intentPosition, 2n ** 64n - 1n),
    ],
  ]

  it.each(damages)('rejects a ring object with %s (%s)', (_, code, damage) => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.publish(Small, numbered(1))
    fleet.close()
    damage(objectFile(name, 7), ringAt(Small, 4))
    const next = joinShm(name)
    for (const call of [() => next.head(Small), () => next.publish(Small, numbered(2))]) {
      expectRefusal(call, OrbitError, code, objectName(name, 7))
    }
  })
})

describe('a stored number that JavaScript cannot hold', () => {
  it.skipIf(!hasObjectFiles)('rejects a stored number that JavaScript cannot hold, with a code', () => {
    const Times = orbitType({ name: 'Times', kind: 9, capacity: 1, pod: pod({ at: 'u64' }) })
    const fleet = joinShm(fleetName(), { size: 4 })
    fleet.publish(Times, new Uint8Array(8).fill(0xff))
    const file = objectFile(fleet.name, 9)
    const at = ringAt(Times, 4)
    expect(file.u64(at.chunk(chunkIn(file.u64(at.slot(0)))) + chunkAt.payload)).toBe(2n ** 64n - 1n)
    const payload = fleet.readHead(Times)?.payload ?? new Uint8Array(0)
    expectRefusal(() => Times.pod?.decode(payload), RangeError, 'ERR_ORBIT_OUT_OF_RANGE', 'at=')
  })
})
