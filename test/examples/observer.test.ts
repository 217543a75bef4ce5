// The observer in Python, on live and damaged rings.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { orbitType } from '../../src/index.js'
import { chunkAt, objectAt, objectFile, ringAt, ringHeaderAt } from '../help/bytes.js'
import { fleetName, joinShm } from '../help/fleets.js'
import { canRun, root } from '../help/system.js'

const facts = orbitType({ name: 'facts', kind: 9, capacity: 8, payloadBytes: 20 })

function observe(...args: (string | number)[]) {
  const child = spawnSync('python3', [join(root, 'examples/observer.py'), ...args.map(String)], { encoding: 'utf8' })
  const lines = child.stdout.trim().split('\n').filter(Boolean)
  return { status: child.status, stderr: child.stderr, records: lines.map((line) => JSON.parse(line)) }
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64' && canRun('python3', '--version'))(
  'observer.py',
  () => {
    it('prints the records that a cursor reads', () => {
      const fleet = joinShm(fleetName(), { size: 70 })
      for (let i = 0; i < 21; i++) fleet.publish(facts, Buffer.from(`fact ${i}`), { version: i, frameKind: i % 3 })
      const { status, stderr, records } = observe(fleet.name, 9)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const own = [...fleet.cursor(facts, 'start').poll().frames].map(({ position, version, frameKind, payload }) => ({
        position,
        node: fleet.node,
        version,
        frameKind,
        hex: Buffer.from(payload).toString('hex'),
      }))
      expect(own).toHaveLength(8)
      expect(records).toEqual(own)
      expect(observe(fleet.name, 9, 2).records).toEqual(own.slice(-2))
    })

    it('prints nothing of an empty ring, and nothing below the floor', () => {
      const fleet = joinShm(fleetName(), { size: 4 })
      expect(fleet.head(facts)).toBe(0)
      expect(observe(fleet.name, 9)).toEqual({ status: 0, stderr: '', records: [] })
      for (let i = 0; i < 3; i++) fleet.publish(facts, Buffer.from('x'))
      objectFile(fleet.name, 9).setU64(ringHeaderAt.floor, 3n)
      fleet.publish(facts, Buffer.from('y'))
      expect(observe(fleet.name, 9).records).toMatchObject([{ position: 3, hex: '79' }])
    })

    it('ends with code 1 without such a ring, 2 for wrong arguments, and 3 for damage', () => {
      const fleet = joinShm(fleetName(), { size: 4 })
      fleet.publish(facts, Buffer.from('x'))
      expect(observe(fleet.name, 10)).toMatchObject({ status: 1, stderr: expect.stringContaining('no such ring') })
      expect(observe(fleet.name)).toMatchObject({ status: 2 })
      const file = objectFile(fleet.name, 9)
      const at = ringAt(facts, 4)
      const chunk = Number(file.u64(at.slot(0)) & 0xfffffn)
      file.setU64(at.chunk(chunk) + chunkAt.length, 1000n)
      expect(observe(fleet.name, 9)).toMatchObject({ status: 3, stderr: expect.stringContaining('damaged record') })
      file.setU64(ringHeaderAt.capacity, 7n)
      expect(observe(fleet.name, 9)).toMatchObject({
        status: 3,
        stderr: expect.stringContaining('impossible geometry'),
      })
      file.setU64(objectAt.magic, 5n)
      expect(observe(fleet.name, 9)).toMatchObject({ status: 3 })
    })
  },
)
