import { mkdirSync, rmSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Fleet, OrbitError, orbitType, pod } from '../../src/index.js'
import { fleetAt, objectFile, recordAt, ringAt } from '../help/bytes.js'
import {
  fleetName,
  hasObjectFiles,
  joinLocal,
  joinShm,
  memories,
  objectName,
  objectPath,
  objectsOf,
  observe,
  plant,
} from '../help/fleets.js'
import { numbered } from '../help/frames.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, thrownBy, untyped } from '../help/refusals.js'

const Small = orbitType({ name: 'Small', kind: 7, capacity: 4, payloadBytes: 16 })
const Other = orbitType({ name: 'Other', kind: 9, capacity: 4, payloadBytes: 16 })

/** Writes the words that this member leaves when it is killed. */
function leaveDead(name: string, node: number, pid: number, label: string): void {
  const file = objectFile(name, 'fleet')
  if (file.u64(fleetAt.usedNodes) <= node) file.setU64(fleetAt.usedNodes, BigInt(node + 1))
  const record = fleetAt.record(node)
  file.setU64(record + recordAt.incarnation, file.u64(record + recordAt.incarnation) + 1n)
  file.setU32(record + recordAt.pid, pid)
  file.setBytes(record + recordAt.label, Buffer.from(label))
  file.setU32(record + recordAt.joined, 1)
}

describe('a type', () => {
  it('has 1024 slots of 256 bytes, no pod and fingerprint 0 by default', () => {
    const type = orbitType({ name: 'Plain', kind: 3 })
    expect(type).toEqual({
      name: 'Plain',
      kind: 3,
      capacity: 1024,
      payloadBytes: 256,
      fingerprint: 0n,
      pod: undefined,
    })
    expect(Object.isFrozen(type)).toBe(true)
  })

  it('has the size and the fingerprint of its pod', () => {
    const load = pod({ busy: 'u32', idle: 'u32' })
    const type = orbitType({ name: 'Load', kind: 3, pod: load })
    expect(type.payloadBytes).toBe(40)
    expect(type.fingerprint).toBe(load.fingerprint)
    expect(type.fingerprint).not.toBe(0n)
    expect(type.pod).toBe(load)
  })

  it('accepts more payload bytes than its pod needs, but not fewer', () => {
    const load = pod({ busy: 'u32', idle: 'u32' })
    expect(orbitType({ name: 'Load', kind: 3, pod: load, payloadBytes: 64 }).payloadBytes).toBe(64)
    expectRangeError(() => orbitType({ name: 'Load', kind: 3, pod: load, payloadBytes: 7 }), 'payloadBytes=7', '8..')
  })

  it.each([0, 1, 127])('accepts KIND %i', (kind) => {
    expect(orbitType({ name: 'Mine', kind }).kind).toBe(kind)
  })

  it('refuses the KINDs 128 to 255, which belong to names and to layers', () => {
    for (let kind = 128; kind <= 255; kind++) {
      expectRangeError(() => orbitType({ name: 'Theirs', kind }), `kind=${kind}`, '0..127')
    }
  })

  it.each([-1, 256, 1.5, Number.NaN])('refuses KIND %d', (kind) => {
    expectRangeError(() => orbitType({ name: 'Wrong', kind }), `kind=${kind}`, '0..127')
  })

  it.each(['12', 12n, null])('refuses a KIND that is not a number: %s', (kind) => {
    expectTypeError(() => orbitType({ name: 'Wrong', kind: untyped(kind) }), 'kind=')
  })

  it.each([1, 2, 1024, 2 ** 19])('accepts %i slots', (capacity) => {
    expect(orbitType({ name: 'Sized', kind: 1, capacity }).capacity).toBe(capacity)
  })

  it.each([0, 3, 1000, 2 ** 20, -4, 2.5])('refuses %d slots', (capacity) => {
    expectRangeError(() => orbitType({ name: 'Sized', kind: 1, capacity }), `capacity=${capacity}`)
  })

  it.each([0, 1, 2 ** 24])('accepts payloads of %i bytes', (payloadBytes) => {
    expect(orbitType({ name: 'Sized', kind: 1, payloadBytes }).payloadBytes).toBe(payloadBytes)
  })

  it.each([-1, 0.5, 2 ** 24 + 1])('refuses payloads of %d bytes', (payloadBytes) => {
    expectRangeError(() => orbitType({ name: 'Sized', kind: 1, payloadBytes }), `payloadBytes=${payloadBytes}`)
  })

  it('has a name of 1 to 64 bytes in UTF-8', () => {
    expect(orbitType({ name: 'ä'.repeat(32), kind: 1 }).name).toBe('ä'.repeat(32))
    expectRangeError(() => orbitType({ name: '', kind: 1 }), 'name=""')
    expectRangeError(() => orbitType({ name: 'ä'.repeat(33), kind: 1 }), 'name=', '1..64')
    expectRangeError(() => orbitType({ name: 'a\0b', kind: 1 }), 'NUL')
    expectTypeError(() => orbitType({ name: untyped(7), kind: 1 }), 'name=7')
  })

  it('refuses a pod that pod() did not make, an unknown option, and a value that is not an object', () => {
    expectTypeError(() => orbitType({ name: 'Wrong', kind: 1, pod: untyped({ byteLength: 8 }) }), 'pod=')
    expectTypeError(() => orbitType(untyped({ name: 'Wrong', kind: 1, capasity: 8 })), 'spec.capasity', 'capacity')
    expectTypeError(() => orbitType(untyped(undefined)), 'spec=undefined')
    expectTypeError(() => orbitType(untyped(null)), 'spec=null')
  })
})

describe.each(memories)('a fleet in $memory', ({ join, isShared }) => {
  it('reports its name, size and node, whether it is shared and whether it is closed', () => {
    const name = fleetName()
    const fleet = join(name, { size: 4, node: 2 })
    expect(fleet).toBeInstanceOf(Fleet)
    expect(fleet.name).toBe(name)
    expect(fleet.size).toBe(4)
    expect(fleet.node).toBe(2)
    expect(fleet.isShared).toBe(isShared)
    expect(fleet.closed).toBe(false)
    fleet.close()
    expect(fleet.closed).toBe(true)
  })

  it('has 256 nodes by default', () => {
    expect(join(fleetName()).size).toBe(256)
  })

  it.each([1, 65536])('accepts a size of %i nodes', (size) => {
    const fleet = join(fleetName(), { size })
    expect(fleet.size).toBe(size)
    expect(fleet.nodes().length).toBe(1)
  })

  it.each([0, -1, 65537, 1.5, Number.NaN])('refuses a size of %d', (size) => {
    expectRangeError(() => join(fleetName(), { size }), `size=${size}`, '1..65536')
  })

  it('has the size of the existing fleet by default', () => {
    const name = fleetName()
    join(name, { size: 3 })
    expect(join(name).size).toBe(3)
    expect(join(name, { size: 3 }).node).toBe(2)
  })

  it('refuses a size that differs from the existing fleet, and names both', () => {
    const name = fleetName()
    join(name, { size: 3 })
    expectRefusal(() => join(name, { size: 4 }), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', name, 'size=4', 'has 3')
  })

  it('assigns node ids from 0 on, a different one to each handle', () => {
    const name = fleetName()
    expect([join(name), join(name), join(name)].map((fleet) => fleet.node)).toEqual([0, 1, 2])
  })

  it('assigns the node of a member that left to the next', () => {
    const name = fleetName()
    const [, second] = [join(name), join(name), join(name)]
    second?.close()
    expect(join(name).node).toBe(1)
    expect(join(name).node).toBe(3)
  })

  it('assigns the requested node, and skips it for others', () => {
    const name = fleetName()
    expect(join(name, { size: 3, node: 0 }).node).toBe(0)
    expect(join(name, { node: 2 }).node).toBe(2)
    expect(join(name).node).toBe(1)
  })

  it('never assigns a node twice', () => {
    const name = fleetName()
    join(name, { size: 2, node: 1 })
    expectRefusal(() => join(name, { node: 1 }), OrbitError, 'ERR_ORBIT_NODE_TAKEN', name, 'node=1')
  })

  it('is full when every node is held, and no longer when one is free', () => {
    const name = fleetName()
    const first = join(name, { size: 2 })
    join(name)
    const cause = 'the fleet has 2 nodes and all are in use, 2 of them by this process: '
    const advice = 'close unused handles, or join with { size: 4 } once every member has left'
    expectRefusal(() => join(name), OrbitError, 'ERR_ORBIT_FLEET_FULL', name, cause + advice)
    first.close()
    expect(join(name).node).toBe(0)
  })

  it.each([-1, 4, 1.5])('refuses node %d in a fleet of size 4', (node) => {
    expectRangeError(() => join(fleetName(), { size: 4, node }), `node=${node}`, '0..3')
  })

  it('refuses a node beyond the default size', () => {
    expectRangeError(() => join(fleetName(), { node: 256 }), 'node=256', '0..255')
  })

  it('refuses a node beyond the size of the existing fleet', () => {
    const name = fleetName()
    join(name, { size: 4 })
    expectRangeError(() => join(name, { node: 4 }), 'node=4', '0..3')
  })

  it.each(['a', 'Z9', '.', '..', '-', '_', 'web.blue-2_x', 'x'.repeat(64)])(
    'accepts a name of valid characters: %s',
    (suffix) => {
      // The name is used unchanged, so that its form is tested; a process-local fleet cannot collide with others.
      const fleet = joinLocal(suffix)
      expect(fleet.name).toBe(suffix)
    },
  )

  it.each(['', 'a/b', '/a', 'a b', 'ä', 'a\0', 'a\n', 'a:b', 'x'.repeat(65)])('refuses the name %j', (name) => {
    expectRangeError(() => join(name), 'name=', '1..64')
  })

  it.each([undefined, null, 7, {}, ['web']])('refuses a name that is not a string: %j', (name) => {
    expectTypeError(() => join(untyped(name)), 'name=')
  })

  it('refuses wrong options by name', () => {
    expectTypeError(() => join(fleetName(), untyped({ sise: 4 })), 'options.sise', 'size')
    expectTypeError(() => join(fleetName(), untyped(null)), 'options=null')
    expectTypeError(() => join(fleetName(), untyped(4)), 'options=4')
    expectTypeError(() => join(fleetName(), { size: untyped('4') }), 'size="4"')
    expectTypeError(() => join(fleetName(), { node: untyped('0') }), 'node="0"')
    expectTypeError(() => join(fleetName(), { label: untyped(5) }), 'label=5')
  })

  it('lists its members in nodes(), by node', () => {
    const name = fleetName()
    const before = Date.now()
    const first = join(name, { size: 8, node: 5, label: 'five' })
    join(name, { node: 2, label: 'two' })
    const nodes = first.nodes()
    expect(nodes.map(({ node, label, alive, pid, incarnation }) => ({ node, label, alive, pid, incarnation }))).toEqual(
      [
        { node: 2, label: 'two', alive: true, pid: process.pid, incarnation: 1 },
        { node: 5, label: 'five', alive: true, pid: process.pid, incarnation: 1 },
      ],
    )
    for (const { joinedAtMs, startedAtMs } of nodes) {
      expect(startedAtMs).toBe(Math.round(performance.timeOrigin))
      expect(joinedAtMs).toBeGreaterThanOrEqual(before)
      expect(joinedAtMs).toBeLessThanOrEqual(Date.now())
    }
  })

  it('does not list members that left, and counts the incarnations of a node', () => {
    const name = fleetName()
    const watcher = join(name)
    join(name).close()
    expect(watcher.nodes().map(({ node }) => node)).toEqual([0])
    join(name)
    expect(watcher.nodes().map(({ node, incarnation }) => [node, incarnation])).toEqual([
      [0, 1],
      [1, 2],
    ])
  })

  it('reports for each node whether it is held', () => {
    const name = fleetName()
    const fleet = join(name, { size: 3 })
    const second = join(name)
    expect([0, 1, 2].map((node) => fleet.isDead(node))).toEqual([false, false, true])
    expect([0, 1, 2].map((node) => second.isDead(node))).toEqual([false, false, true])
    second.close()
    expect(fleet.isDead(1)).toBe(true)
  })

  it.each([-1, 3, 0.5])('refuses to report whether node %d is dead in a fleet of size 3', (node) => {
    const fleet = join(fleetName(), { size: 3 })
    expectRangeError(() => fleet.isDead(node), `node=${node}`, '0..2')
    expectTypeError(() => fleet.isDead(untyped('1')), 'node="1"')
  })

  it('labels a member with the title of its process by default', () => {
    const label = join(fleetName()).nodes()[0]?.label as string
    expect(process.title.startsWith(label)).toBe(true)
    expect(label.length).toBeGreaterThan(0)
  })

  it.each([
    ['', ''],
    ['x'.repeat(32), 'x'.repeat(32)],
    ['x'.repeat(33), 'x'.repeat(32)],
    ['ä'.repeat(16), 'ä'.repeat(16)],
    [`x${'ä'.repeat(16)}`, `x${'ä'.repeat(15)}`],
    [`${'x'.repeat(29)}😀`, 'x'.repeat(29)],
    [`${'x'.repeat(28)}😀y`, `${'x'.repeat(28)}😀`],
  ])('cuts the label %j to whole characters within 32 bytes', (label, shown) => {
    expect(join(fleetName(), { label }).nodes()[0]?.label).toBe(shown)
  })

  it('can be closed repeatedly', () => {
    const fleet = join(fleetName())
    fleet.close()
    fleet.close()
    fleet[Symbol.dispose]()
    expect(fleet.closed).toBe(true)
  })

  it('closes at the end of its `using` block, even when that throws', () => {
    const name = fleetName()
    const watcher = join(name, { size: 3 })
    const within = (fail: boolean): Fleet => {
      using fleet = join(name)
      expect(watcher.isDead(1)).toBe(false)
      if (fail) throw new Error('thrown inside')
      return fleet
    }
    expect(within(false).closed).toBe(true)
    expect(watcher.isDead(1)).toBe(true)
    expect(() => within(true)).toThrow('thrown inside')
    expect(watcher.isDead(1)).toBe(true)
  })

  it('refuses to list members after close', () => {
    const fleet = join(fleetName())
    fleet.close()
    expectClosed(() => fleet.nodes())
    expectClosed(() => fleet.isDead(0))
  })

  it('stays open for other handles when one is closed', () => {
    const name = fleetName()
    const first = join(name)
    const second = join(name)
    first.publish(Small, numbered(1))
    first.close()
    expect(second.publish(Small, numbered(2)).counter).toBe(1)
    expect(second.readAt(Small, 0)?.node).toBe(0)
  })
})

describe('a process-local fleet', () => {
  it('creates no object', () => {
    const name = fleetName()
    joinLocal(name).publish(Small, numbered(1))
    expect(objectsOf(name)).toEqual([])
    expect(Fleet.remove(name)).toEqual([])
  })

  it('is gone with its last handle', () => {
    const name = fleetName()
    const first = joinLocal(name, { size: 4 })
    const second = joinLocal(name)
    first.publish(Small, numbered(1))
    first.close()
    expect(second.head(Small)).toBe(1)
    second.close()
    const next = joinLocal(name)
    expect(next.size).toBe(256)
    expect(next.head(Small)).toBe(0)
    expect(next.nodes()[0]?.incarnation).toBe(1)
  })

  it('is separate from a shared fleet of the same name', () => {
    const name = fleetName()
    const local = joinLocal(name, { size: 4 })
    const shared = joinShm(name, { size: 8 })
    local.publish(Small, numbered(1))
    expect(shared.head(Small)).toBe(0)
    expect([local.node, shared.node]).toEqual([0, 0])
    expect(local.nodes().length).toBe(1)
  })

  it.each(['persistent', 'fleet'] as const)('accepts the options of a shared one, lifetime %s', (lifetime) => {
    const fleet = joinLocal(fleetName(), { size: 4, node: 1, label: 'local', lifetime })
    expect([fleet.size, fleet.node, fleet.isShared]).toEqual([4, 1, false])
    expect(() => Fleet.join(fleetName(), untyped({ lifetime: 'none' }))).toThrow(RangeError)
  })
})

describe.skipIf(!hasObjectFiles)('the objects of a shared fleet', () => {
  it('have names made of the fleet, the KIND in decimal and the user', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    expect(objectsOf(name)).toEqual([objectName(name, 'fleet')])
    fleet.publish(Small, numbered(1))
    fleet.head(orbitType({ name: 'Last', kind: 127 }))
    fleet.head(orbitType({ name: 'First', kind: 0 }))
    const uid = process.geteuid?.()
    expect(objectsOf(name)).toEqual([
      `/orbit-${name}-0-${uid}`,
      `/orbit-${name}-127-${uid}`,
      `/orbit-${name}-7-${uid}`,
      `/orbit-${name}-fleet-${uid}`,
    ])
  })

  it.each([0, 0o777, 0o177])('have mode 0600 under umask %i', (umask) => {
    const name = fleetName()
    const before = process.umask(umask)
    try {
      joinShm(name).publish(Small, numbered(1))
    } finally {
      process.umask(before)
    }
    for (const what of ['fleet', 7] as const) expect(statSync(objectPath(name, what)).mode & 0o7777).toBe(0o600)
  })

  it('have the size that their layout says', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 100 })
    fleet.head(Small)
    expect(statSync(objectPath(name, 'fleet')).size).toBe(fleetAt.end(100))
    expect(statSync(objectPath(name, 7)).size).toBe(ringAt(Small, 100).end)
    expect(fleet.stats(Small)?.objectBytes).toBe(ringAt(Small, 100).end)
  })

  it('have the geometry of their type, chosen at run time', () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    const large = orbitType({ name: 'Large', kind: 11, capacity: 8, payloadBytes: 1000 })
    expect(fleet.stats(Small)).toMatchObject({
      kind: 7,
      name: 'Small',
      capacity: 4,
      payloadBytes: 16,
      head: 0,
      oldest: 0,
    })
    expect(fleet.stats(large)).toMatchObject({ kind: 11, name: 'Large', capacity: 8, payloadBytes: 1000 })
  })

  it('outlive their members, with all frames', () => {
    const name = fleetName()
    const first = joinShm(name, { size: 5 })
    first.publish(Small, numbered(77), { frameKind: 3, version: 9 })
    first.close()
    const second = joinShm(name)
    expect(second.size).toBe(5)
    expect(second.readHead(Small)).toMatchObject({ position: 0, frameKind: 3, version: 9 })
    expect(second.publish(Small, numbered(78)).counter).toBe(1)
  })

  it("disappear with the last member when it asked for lifetime 'fleet'", () => {
    const name = fleetName()
    const first = joinShm(name, { lifetime: 'fleet' })
    const second = joinShm(name, { lifetime: 'fleet' })
    first.publish(Small, numbered(1))
    first.close()
    expect(objectsOf(name)).toEqual([objectName(name, 7), objectName(name, 'fleet')])
    second.close()
    expect(objectsOf(name)).toEqual([])
  })

  it('stay when the last member asked for a persistent lifetime', () => {
    const name = fleetName()
    const first = joinShm(name, { lifetime: 'fleet' })
    const last = joinShm(name, { lifetime: 'persistent' })
    first.close()
    last.close()
    expect(objectsOf(name)).toEqual([objectName(name, 'fleet')])
  })

  it('refuse another lifetime', () => {
    expectRangeError(() => joinShm(fleetName(), { lifetime: untyped('forever') }), 'lifetime="forever"')
  })
})

describe.skipIf(!hasObjectFiles)('a member that died', () => {
  it('is listed as dead until its node is taken, by members and by observers', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    leaveDead(name, 2, 4242, 'gone')
    const shown = fleet.nodes().map(({ node, pid, label, alive }) => ({ node, pid, label, alive }))
    expect(shown[1]).toEqual({ node: 2, pid: 4242, label: 'gone', alive: false })
    expect(observe(name).nodes()).toEqual(fleet.nodes())
    expect(fleet.isDead(2)).toBe(true)
    const next = joinShm(name, { node: 2, label: 'new' })
    expect(fleet.nodes()[1]).toMatchObject({ node: 2, pid: process.pid, label: 'new', alive: true, incarnation: 2 })
    next.close()
    expect(fleet.nodes().length).toBe(1)
  })

  it('does not prevent a removal', () => {
    const name = fleetName()
    joinShm(name, { size: 4 }).close()
    leaveDead(name, 1, 4242, 'gone')
    expect(Fleet.remove(name)).toEqual([objectName(name, 'fleet')])
  })

  it('leaves its node to the next member, before a later free one', () => {
    const name = fleetName()
    joinShm(name, { size: 4, node: 0 })
    leaveDead(name, 1, 4242, 'gone')
    expect(joinShm(name).node).toBe(1)
  })

  it('is listed by an observer of a fleet without living members', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.publish(Small, numbered(5))
    fleet.close()
    leaveDead(name, 3, 4242, 'gone')
    const observer = observe(name)
    expect(observer.nodes()).toMatchObject([{ node: 3, alive: false, label: 'gone' }])
    expect(observer.readHead(Small)?.position).toBe(0)
  })
})

describe.skipIf(!hasObjectFiles)('Fleet.remove', () => {
  it('returns no names when there is no fleet', () => {
    expect(Fleet.remove(fleetName())).toEqual([])
    expect(Fleet.remove(fleetName(), { kind: 7 })).toEqual([])
    expect(Fleet.remove(fleetName(), { force: true })).toEqual([])
  })

  it('removes every object of a fleet without members and returns their names', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.head(Small)
    fleet.head(Other)
    fleet.close()
    expect(Fleet.remove(name)).toEqual([objectName(name, 7), objectName(name, 9), objectName(name, 'fleet')])
    expect(objectsOf(name)).toEqual([])
    expect(Fleet.remove(name)).toEqual([])
  })

  it('removes no object of a fleet with a longer name', () => {
    const name = fleetName()
    const longer = `${name}-7`
    joinShm(name).close()
    const kept = keepName(longer)
    joinShm(kept).head(Small)
    Fleet.remove(name)
    expect(objectsOf(longer).length).toBe(2)
    Fleet.remove(longer, { force: true })
  })

  it('refuses while a member lives, and changes nothing', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    expectRefusal(() => Fleet.remove(name), OrbitError, 'ERR_ORBIT_IN_USE', name, 'force')
    expectRefusal(() => Fleet.remove(name, { kind: 7 }), OrbitError, 'ERR_ORBIT_IN_USE', name)
    expectRefusal(() => Fleet.remove(name, { force: false }), OrbitError, 'ERR_ORBIT_IN_USE', name)
    expect(objectsOf(name).length).toBe(2)
    expect(fleet.publish(Small, numbered(2)).counter).toBe(1)
  })

  it('removes a fleet even while an observer has it open', () => {
    const name = fleetName()
    joinShm(name).close()
    observe(name)
    expect(Fleet.remove(name)).toEqual([objectName(name, 'fleet')])
  })

  it('makes living members throw ERR_ORBIT_RETIRED after a forced removal, instead of losing what they publish', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    const observer = observe(name)
    expect(observer.head(Small)).toBe(1)
    const cursor = fleet.cursor(Small)
    expect(Fleet.remove(name, { force: true }).length).toBe(2)
    const retired = (call: () => unknown) => expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED', 'was removed')
    retired(() => fleet.publish(Small, numbered(2)))
    retired(() => fleet.publishBatch(Small, [numbered(2)]))
    retired(() => fleet.publishPacked(Small, new Uint8Array(32)))
    retired(() => fleet.resetRing(Small))
    retired(() => fleet.publish(Other, numbered(2)))
    // It does not let them wait for news in vain either.
    retired(() => fleet.head(Small))
    retired(() => fleet.readHead(Small))
    retired(() => fleet.readAt(Small, 0))
    retired(() => fleet.cursor(Small))
    retired(() => cursor.poll())
    retired(() => observer.readHead(Small))
    expect(objectsOf(name)).toEqual([])
    fleet.close()
    expect(objectsOf(name)).toEqual([])
  })

  it('makes room by force for a new fleet of the same name, with nothing of the old one', () => {
    const name = fleetName()
    const old = joinShm(name, { size: 4 })
    old.publish(Small, numbered(1))
    Fleet.remove(name, { force: true })
    const fresh = joinShm(name, { size: 8 })
    expect(fresh.head(Small)).toBe(0)
    fresh.publish(Small, numbered(2))
    expectRefusal(() => old.publish(Small, numbered(3)), OrbitError, 'ERR_ORBIT_RETIRED')
    old.close()
    expect(fresh.head(Small)).toBe(1)
    expect(fresh.nodes().length).toBe(1)
  })

  it('does not let an old handle use the rings of a new fleet of the same name', () => {
    const name = fleetName()
    const old = joinShm(name)
    Fleet.remove(name, { force: true })
    const id = joinShm(name).publish(Small, numbered(1))
    expectRefusal(() => old.head(Small), OrbitError, 'ERR_ORBIT_RETIRED', name)
    expectRefusal(() => old.read(id), OrbitError, 'ERR_ORBIT_RETIRED', name)
  })

  it('removes only the ring of one KIND on request', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    fleet.publish(Other, numbered(1))
    fleet.close()
    expect(Fleet.remove(name, { kind: 7 })).toEqual([objectName(name, 7)])
    expect(Fleet.remove(name, { kind: 7 })).toEqual([])
    expect(objectsOf(name)).toEqual([objectName(name, 9), objectName(name, 'fleet')])
    const next = joinShm(name)
    expect(next.head(Small)).toBe(0)
    expect(next.head(Other)).toBe(1)
  })

  it('retires only that ring for living members when one KIND is removed by force', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.publish(Small, numbered(1))
    fleet.publish(Other, numbered(1))
    expect(Fleet.remove(name, { kind: 7, force: true })).toEqual([objectName(name, 7)])
    expectRefusal(() => fleet.publish(Small, numbered(2)), OrbitError, 'ERR_ORBIT_RETIRED', 'KIND 7')
    expect(fleet.publish(Other, numbered(2)).counter).toBe(1)
    expect(joinShm(name).publish(Small, numbered(3)).counter).toBe(0)
  })

  it('finishes a removal when the fleet object is already gone', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    fleet.head(Small)
    fleet.close()
    rmSync(objectPath(name, 'fleet'))
    expect(Fleet.remove(name)).toEqual([objectName(name, 7)])
  })

  it('reports the error of the system when it refuses', () => {
    const name = fleetName()
    mkdirSync(plant(objectPath(name, 7)))
    const error = thrownBy(() => Fleet.remove(name))
    expect(error).toBeInstanceOf(OrbitError)
    expect(error).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno: 21, syscall: 'unlink' })
    expect(error.message).toContain(objectName(name, 7))
  })

  it('refuses wrong arguments', () => {
    expectTypeError(() => Fleet.remove(untyped(undefined)), 'name=undefined')
    expectRangeError(() => Fleet.remove('a/b'), 'name="a/b"')
    expectTypeError(() => Fleet.remove(fleetName(), untyped({ king: 7 })), 'options.king')
    expectTypeError(() => Fleet.remove(fleetName(), untyped(null)), 'options=null')
    expectRangeError(() => Fleet.remove(fleetName(), { kind: 256 }), 'kind=256')
    expectTypeError(() => Fleet.remove(fleetName(), { kind: untyped('7') }), 'kind="7"')
    expectTypeError(() => Fleet.remove(fleetName(), { force: untyped('yes') }), 'force="yes"')
  })
})

describe.skipIf(!hasObjectFiles)('Fleet.observe', () => {
  it('refuses a fleet that does not exist, and creates nothing', () => {
    const name = fleetName()
    expectRefusal(() => observe(name), OrbitError, 'ERR_ORBIT_NOT_FOUND', name, 'no process of this user', 'orbit ls')
    expect(objectsOf(name)).toEqual([])
  })

  it('refuses wrong names', () => {
    expectTypeError(() => observe(untyped(5)), 'name=5')
    expectRangeError(() => observe('a b'), 'name="a b"')
  })

  it('takes no node and is not listed in nodes()', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 1 })
    const observer = observe(name)
    expect(observer).toMatchObject({ name, size: 1, isShared: true, closed: false })
    expect('node' in observer).toBe(false)
    expect(observer.nodes()).toEqual(fleet.nodes())
    expect(observer.nodes().length).toBe(1)
    expect(observer.isDead(0)).toBe(false)
  })

  it('can be closed repeatedly, and refuses every call after that', () => {
    const name = fleetName()
    joinShm(name)
    const observer = observe(name)
    observer.close()
    observer[Symbol.dispose]()
    expect(observer.closed).toBe(true)
    expectClosed(() => observer.nodes())
    expectClosed(() => observer.isDead(0))
    expectClosed(() => observer.head(Small))
  })
})

/** A name derived from another one. The test removes it, and `afterEach` removes what the test leaves. */
function keepName(name: string): string {
  plant(objectPath(name, 'fleet'))
  plant(objectPath(name, 7))
  return name
}

describe('new Fleet()', () => {
  it('names the ways to join', () => {
    expectTypeError(() => new (untyped(Fleet))(), 'Fleet.joinShm(name)', 'Fleet.join(name)')
    expectTypeError(() => new (untyped(Fleet))('web', undefined), 'Fleet.joinShm(name)')
  })
})
