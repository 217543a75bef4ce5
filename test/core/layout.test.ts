import { statSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { abi, native, status } from '../../src/core/native.js'
import { reservedType } from '../../src/core/type.js'
import { Contest, OrbitError, orbitType, pod } from '../../src/index.js'
import {
  chunkAt,
  chunkIn,
  entryAt,
  fleetAt,
  golden,
  objectAt,
  objectFile,
  recordAt,
  ringAt,
  slotWord,
} from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, objectPath } from '../help/fleets.js'
import { numbered } from '../help/frames.js'
import { expectRefusal } from '../help/refusals.js'

// ---- golden numbers -------------------------------------------------------------------------------------------------

describe("the addon's table of limits", () => {
  it('is frozen and equals the native layout', () => {
    expect(Object.isFrozen(abi)).toBe(true)
    expect(abi).toMatchObject({
      layoutVersion: golden.layoutVersion,
      maxKind: 255,
      maxFleetSize: 65536,
      maxCapacity: 2 ** 19,
      maxPayloadBytes: 2 ** 24,
      maxPosition: golden.maxPosition,
      counterBits: 40,
      typeNameBytes: 64,
      labelBytes: 32,
      statusBytes: 64,
    })
  })

  it('is an object of fixed shape to V8, as are the calls and the statuses, and no dictionary', () => {
    setFlagsFromString('--allow-natives-syntax')
    const hasFastProperties = new Function('object', 'return %HasFastProperties(object)')
    setFlagsFromString('--no-allow-natives-syntax')
    expect([native, abi, status].map((object) => hasFastProperties(object))).toEqual([true, true, true])
    expect(hasFastProperties(JSON.parse('{"a":1}'))).toBe(true)
    const dictionary = { a: 1, b: 2 }
    Reflect.deleteProperty(dictionary, 'a')
    expect(hasFastProperties(dictionary)).toBe(false)
  })
})

describe.skipIf(!hasObjectFiles)('the bytes in shared memory', () => {
  const Load = orbitType({ name: 'Wörk', kind: 12, capacity: 8, payloadBytes: 60, pod: pod({ at: 'u64' }) })

  it.each([1, 4, 64, 65, 300])('have the words of a fleet of %i and of its rings at the golden offsets', (size) => {
    const name = fleetName()
    const before = Date.now()
    const fleet = joinShm(name, { size, label: 'lab' })
    fleet.head(Load)
    const at = ringAt(Load, size)
    const members = objectFile(name, 'fleet')
    const ring = objectFile(name, 12)
    const ages = (value: bigint) => {
      expect(Number(value)).toBeGreaterThanOrEqual(before)
      expect(Number(value)).toBeLessThanOrEqual(Date.now())
    }

    expect(statSync(objectPath(name, 'fleet')).size).toBe(fleetAt.end(size))
    expect(members.u64(objectAt.magic)).toBe(golden.magic)
    expect(members.bytes(0, 8).toString()).toBe('ORBITNJ1')
    expect(members.u32(objectAt.layoutVersion)).toBe(golden.layoutVersion)
    expect(members.u32(objectAt.objectType)).toBe(golden.fleetObject)
    expect(members.u64(objectAt.objectBytes)).toBe(BigInt(fleetAt.end(size)))
    expect(members.u64(objectAt.fleetId)).not.toBe(0n)
    expect(members.u64(objectAt.retired)).toBe(0n)
    expect(members.u64(fleetAt.size)).toBe(BigInt(size))
    expect(members.u64(fleetAt.lifetime)).toBe(0n)
    expect(members.u64(fleetAt.subjectKey)).not.toBe(0n)
    expect(members.u64(fleetAt.kinds)).toBe(1n << 12n)
    expect(members.u64(fleetAt.usedNodes)).toBe(1n)
    ages(members.u64(24))
    const record = fleetAt.record(0)
    expect(members.u64(record + recordAt.incarnation)).toBe(1n)
    expect(members.u64(record + recordAt.pid)).toBe(BigInt(process.pid))
    expect(members.u64(record + recordAt.joined)).toBe(1n)
    expect(members.u64(record + recordAt.startedAtMs)).toBe(BigInt(Math.round(performance.timeOrigin)))
    ages(members.u64(record + recordAt.joinedAtMs))
    expect(members.bytes(record + recordAt.label, 32).toString()).toBe('lab'.padEnd(32, '\0'))

    expect(statSync(objectPath(name, 12)).size).toBe(at.end)
    expect(ring.u64(objectAt.magic)).toBe(golden.magic)
    expect(ring.u32(objectAt.layoutVersion)).toBe(golden.layoutVersion)
    expect(ring.u32(objectAt.objectType)).toBe(golden.ringObject)
    expect(ring.u64(objectAt.objectBytes)).toBe(BigInt(at.end))
    expect(ring.u64(objectAt.fleetId)).toBe(members.u64(objectAt.fleetId))
    expect(ring.u64(at.kind)).toBe(12n)
    expect(ring.u64(at.capacity)).toBe(8n)
    expect(ring.u64(at.payloadBytes)).toBe(60n)
    expect(ring.u64(at.strideBytes)).toBe(128n)
    expect(ring.u64(at.fleetSize)).toBe(BigInt(size))
    expect(ring.u64(at.spareCount)).toBe(BigInt(at.spares))
    expect(ring.u64(at.fingerprint)).toBe(Load.fingerprint)
    expect(ring.u64(at.schemaBytes)).toBe(9n)
    expect(ring.bytes(at.schema, 10).toString()).toBe('{"at":u64\0')
    expect(ring.bytes(at.typeName, 64).toString()).toBe('Wörk'.padEnd(63, '\0'))
    for (const word of [at.hint, at.tokens, at.floor, at.sparesTaken, at.burned, at.refused, at.missedWakes]) {
      expect(ring.u64(word)).toBe(0n)
    }
    for (let slot = 0; slot < 8; slot++) expect(ring.u64(at.slot(slot))).toBe(slotWord(0, slot))
    for (const node of [0, size - 1]) expect(ring.u64(at.entry(node) + entryAt.hand)).toBe(BigInt(8 + node))
    for (const spare of [0, at.spares - 1]) expect(ring.u64(at.spare(spare))).toBe(BigInt(8 + size + spare))
  })

  it('tells a table from a ring by the type of the object', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    new Contest(fleet, { capacity: 16 })
    const table = objectFile(name, abi.contestKind)
    expect(table.u32(objectAt.objectType)).toBe(golden.tableObject)
    expect(table.u64(ringAt({ capacity: 16, payloadBytes: abi.cardBytes }, 4).tokens)).toBe(table.u64(24) * 1000n)

    const type = reservedType({ name: 'orbit.contest', kind: abi.contestKind })
    const asRing = () => joinShm(name).head(type)
    expectRefusal(asRing, OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'a ring was asked for, the existing object is a table')
    table.setU32(objectAt.objectType, golden.ringObject)
    expectRefusal(
      () => new Contest(joinShm(name)),
      OrbitError,
      'ERR_ORBIT_TYPE_MISMATCH',
      'a table was asked for, the existing object is a ring',
    )
  })

  it('change as the protocol says with each published frame', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4, node: 2 })
    const at = ringAt(Load, 4)
    const hands: number[] = []
    for (let position = 0; position < 20; position++) {
      fleet.publish(Load, numbered(position), { frameKind: 200, version: 2 ** 40 + position })
      const ring = objectFile(name, 12)
      const word = ring.u64(at.slot(position % 8))
      // The chunk of the hand is now in the slot, and the chunk of the slot is now the hand.
      expect(word).toBe(slotWord(Math.floor(position / 8) + 1, position < 1 ? 8 + 2 : (hands[position - 1] as number)))
      hands.push(Number(ring.u64(at.entry(2) + entryAt.hand)))
      expect(hands[position]).toBe(position < 8 ? position : (hands[position - 9] ?? 8 + 2))
      expect(ring.u64(at.entry(2) + entryAt.intentPosition)).toBe(0n)
      expect(ring.u64(at.hint), 'any old value is allowed').toBeLessThanOrEqual(BigInt(position + 1))
      const chunk = at.chunk(chunkIn(word))
      expect(ring.u64(chunk + chunkAt.id)).toBe((12n << 56n) | (2n << 40n) | BigInt(position))
      expect(ring.u64(chunk + chunkAt.version)).toBe(BigInt(2 ** 40 + position))
      expect(ring.u32(chunk + chunkAt.length)).toBe(8)
      expect(ring.bytes(chunk + chunkAt.frameKind, 1)[0]).toBe(200)
      expect(new Uint8Array(ring.bytes(chunk + chunkAt.payload, 8))).toEqual(numbered(position))
    }
    fleet.resetRing(Load)
    expect(objectFile(name, 12).u64(at.floor)).toBe(20n)
  })

  it('name no chunk twice, for any publisher (I1)', () => {
    const name = fleetName()
    const fleets = [0, 1, 2].map(() => joinShm(name, { size: 4 }))
    const at = ringAt(Load, 4)
    for (let position = 0; position < 50; position++) {
      fleets[(position * 7) % 3]?.publish(Load, numbered(position))
      const ring = objectFile(name, 12)
      const chunks = [
        ...Array.from({ length: 8 }, (_, slot) => chunkIn(ring.u64(at.slot(slot)))),
        ...Array.from({ length: 4 }, (_, node) => Number(ring.u64(at.entry(node) + entryAt.hand))),
        ...Array.from({ length: at.spares }, (_, spare) => Number(ring.u64(at.spare(spare)))),
      ]
      expect(chunks.sort((a, b) => a - b)).toEqual(Array.from({ length: at.chunks }, (_, chunk) => chunk))
    }
  })
})
