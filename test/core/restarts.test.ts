import { readFileSync, rmSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  Contest,
  Fleet,
  type FleetObserver,
  type JoinShmOptions,
  OrbitCache,
  OrbitError,
  OrbitEventBus,
  orbitType,
  pod,
} from '../../src/index.js'
import { inspectRing } from '../../src/inspect/report.js'
import { faultAddon } from '../help/addons.js'
import { fleetAt, golden, objectAt, objectFile } from '../help/bytes.js'
import {
  fleetName,
  hasObjectFiles,
  joinLocal,
  keep,
  memories,
  objectName,
  objectsOf,
  observe,
  objectPath as pathOf,
} from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

const factsSpec = { name: 'facts', kind: 7, capacity: 1024, payloadBytes: 16 }
const facts = orbitType(factsSpec)
const fact = Buffer.from('fact')

/** Joins without a lifetime of the test's own. */
const join = (name: string, options?: JoinShmOptions): Fleet => keep(Fleet.joinShm(name, options))

/** Runs a process that joins, publishes three facts and is killed. */
async function killedMember(name: string, options: JoinShmOptions): Promise<void> {
  const steps = [
    ['join', options],
    ['publish', 3],
    ['die', 'SIGKILL'],
  ]
  expect(await start('steps.mjs', [name, steps]).ended).toEqual({ code: null, signal: 'SIGKILL' })
}

describe.skipIf(!hasObjectFiles)('the lifetime of a fleet', () => {
  it("is 'fleet' by default: the last member removes the objects", () => {
    const name = fleetName('life')
    const [first, second] = [join(name), join(name)]
    first.publish(facts, fact)
    first.close()
    expect(objectsOf(name)).toEqual([objectName(name, 7), objectName(name, 'fleet')])
    second.close()
    expect(objectsOf(name)).toEqual([])
  })

  it("starts afresh after a SIGKILL of the last member when it is 'fleet'", async () => {
    const name = fleetName('life')
    await killedMember(name, { lifetime: 'fleet' })
    expect(objectsOf(name)).toEqual([objectName(name, 7), objectName(name, 'fleet')])
    const next = join(name)
    expect(next.incarnation).toBe(1)
    expect(next.head(facts)).toBe(0)
  })

  it("keeps the facts of a killed last member when it is 'persistent'", async () => {
    const name = fleetName('life')
    await killedMember(name, { lifetime: 'persistent' })
    const next = join(name)
    expect(next.incarnation).toBe(2)
    expect(next.head(facts)).toBe(3)
    next.close()
    expect(join(name).head(facts)).toBe(3)
  })

  it('is taken as it is by a member that passes none', () => {
    const name = fleetName('life')
    join(name, { lifetime: 'persistent' }).close()
    join(name).close()
    expect(objectsOf(name)).toEqual([objectName(name, 'fleet')])
    expect(Fleet.remove(name)).toEqual([objectName(name, 'fleet')])
  })

  it.each([
    { changed: "to 'fleet'", first: 'persistent', later: 'fleet', left: 0 },
    { changed: "to 'persistent'", first: 'fleet', later: 'persistent', left: 1 },
  ] as const)('is changed $changed for the whole fleet by a later member', ({ first, later, left }) => {
    const name = fleetName('life')
    const [creator, other] = [join(name, { lifetime: first }), join(name, { lifetime: later })]
    other.close()
    creator.close()
    expect(objectsOf(name).length).toBe(left)
  })

  it('leaves a fleet with a living member alone when another member is killed', async () => {
    const name = fleetName('life')
    const living = join(name)
    living.publish(facts, fact)
    await killedMember(name, { lifetime: 'fleet' })
    expect(join(name).head(facts)).toBe(4)
    expect(living.publish(facts, fact).counter).toBe(4)
  })
})

describe.skipIf(!hasObjectFiles)('a handle of a fleet that was made anew', () => {
  it('is told to join again, and not to remove the ring of the new fleet', () => {
    const name = fleetName('anew')
    const old = join(name)
    const observer = observe(name)
    old.close()
    join(name).publish(facts, fact)
    expectRefusal(() => observer.readHead(facts), OrbitError, 'ERR_ORBIT_RETIRED', 'join again')
  })
})

describe.skipIf(!hasObjectFiles)('a joiner that is alone', () => {
  it('is refused another size of a persistent fleet, which keeps what it holds', () => {
    const name = fleetName('alone')
    const old = join(name, { size: 4, lifetime: 'persistent' })
    old.publish(facts, fact)
    old.close()
    expectRefusal(() => join(name, { size: 8 }), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'size=8', 'has 4', 'remove')
    expect(join(name).head(facts)).toBe(1)
  })

  it('keeps the size of a fleet that it makes anew, unless it asks for another', async () => {
    const name = fleetName('alone')
    await killedMember(name, { size: 7, lifetime: 'fleet' })
    const next = join(name)
    expect([next.size, next.head(facts)]).toEqual([7, 0])
    next.close()
    await killedMember(name, { size: 7, lifetime: 'fleet' })
    expect(join(name, { size: 9 }).size).toBe(9)
  })

  it('leaves no fleet behind when it asks for a node that a new one has not', () => {
    const name = fleetName('alone')
    expectRangeError(() => join(name, { node: 256 }), 'node=256 must be in 0..255')
    expect(objectsOf(name)).toEqual([])
    const wide = join(name, { size: 300 })
    expect(join(name, { node: 299 }).node).toBe(299)
    expectRangeError(() => join(name, { node: 300 }), 'node=300 must be in 0..299')
    wide.close()
  })

  it('remakes a ring that is left of a fleet without an object', () => {
    const name = fleetName('alone')
    const old = join(name)
    old.publish(facts, fact)
    rmSync(pathOf(name, 'fleet'))
    const [company, next] = [join(name), join(name)]
    const inMessage = ['fleetId=0x', 'left by a fleet that is gone']
    expectRefusal(() => next.head(facts), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', ...inMessage)
    company.close()
    expect([next.head(facts), old.publish(facts, fact).counter]).toEqual([0, 1])
    next.publish(facts, fact)
    expect([next.head(facts), old.head(facts)]).toEqual([1, 2])
  })

  it('is refused another size while a member lives, in the same process or another', () => {
    const name = fleetName('alone')
    join(name, { size: 4 })
    expectRefusal(() => Fleet.joinShm(name, { size: 8 }), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'size=8', 'has 4')
  })

  it('remakes a fleet of another layout version', () => {
    const name = fleetName('alone')
    const old = join(name, { size: 4, lifetime: 'persistent' })
    old.publish(facts, fact)
    old.close()
    for (const what of ['fleet', 7] as const) objectFile(name, what).setU32(objectAt.layoutVersion, 1)
    const next = join(name)
    expect(objectFile(name, 'fleet').u32(objectAt.layoutVersion)).toBe(golden.layoutVersion)
    expect(next.publish(facts, fact).counter).toBe(0)
  })

  it('is refused a fleet of another layout version that living processes use, and changes nothing', () => {
    const name = fleetName('alone')
    const living = join(name, { size: 4 })
    const file = objectFile(name, 'fleet')
    file.setU32(objectAt.layoutVersion, 1)
    const before = readFileSync(pathOf(name, 'fleet'))
    const inMessage = ['layoutVersion=1 is not 2', 'living processes', 'stop them']
    expectRefusal(() => Fleet.joinShm(name), OrbitError, 'ERR_ORBIT_LAYOUT_MISMATCH', ...inMessage)
    expectRefusal(() => observe(name), OrbitError, 'ERR_ORBIT_LAYOUT_MISMATCH', 'layoutVersion=1 is not 2')
    expectRefusal(() => Fleet.remove(name), OrbitError, 'ERR_ORBIT_IN_USE', 'living members')
    expect(readFileSync(pathOf(name, 'fleet')).equals(before)).toBe(true)
    file.setU32(objectAt.layoutVersion, golden.layoutVersion)
    living.close()
  })

  it('can remove a fleet of another layout version', () => {
    const name = fleetName('alone')
    const old = join(name, { lifetime: 'persistent' })
    old.publish(facts, fact)
    old.close()
    objectFile(name, 'fleet').setU32(objectAt.layoutVersion, 1)
    expect(Fleet.remove(name)).toEqual([objectName(name, 7), objectName(name, 'fleet')])
  })
})

describe.each(memories)('a ring of another type or geometry in $memory', ({ isShared, join: joinEither }) => {
  const others = {
    capacity: orbitType({ ...factsSpec, capacity: 8 }),
    payloadBytes: orbitType({ ...factsSpec, payloadBytes: 32 }),
    name: orbitType({ ...factsSpec, name: 'others' }),
    pod: orbitType({ ...factsSpec, pod: pod({ a: 'u64', b: 'u64' }) }),
  }

  it.each(Object.entries(others))('is remade by a member that is alone, for another %s', (_, type) => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'fleet' })
    first.publish(facts, fact)
    const next = joinEither(name, { lifetime: 'fleet' })
    const last = joinEither(name, { lifetime: 'fleet' })
    expectRefusal(() => next.head(type), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'was asked for')
    expect(next.cursor(facts).poll().to).toBe(1)
    first.close()
    expectRefusal(() => next.head(type), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH') // it has the old ring open
    next.close()
    expect(last.head(type)).toBe(0)
    expect(last.publish(type, new Uint8Array(16)).counter).toBe(0)
    expect(joinEither(name, { lifetime: 'fleet' }).head(type)).toBe(1)
  })

  it.runIf(isShared).each(Object.entries(others))('is kept in a persistent fleet, for another %s', (_, type) => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'persistent' })
    first.publish(facts, fact)
    first.close()
    const next = joinEither(name)
    expectRefusal(() => next.head(type), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', 'was asked for', 'remove the ring')
    expect(next.head(facts)).toBe(1)
    Fleet.remove(name, { kind: 7, force: true })
    const last = joinEither(name)
    expect(last.head(type)).toBe(0)
  })

  it.runIf(isShared)('is remade in a persistent fleet whose files are of an earlier boot of the host', () => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'persistent', size: 3 })
    first.publish(facts, fact)
    first.close()
    const file = objectFile(name, 'fleet')
    expect(file.u64(fleetAt.bootId)).not.toBe(0n)
    file.setU64(fleetAt.bootId, file.u64(fleetAt.bootId) ^ 1n)
    const next = joinEither(name)
    expect([next.head(facts), next.size, next.node]).toEqual([0, 3, 0])
    next.close()
    expect(objectsOf(name)).not.toEqual([]) // still persistent
  })

  it.runIf(isShared)('reads as removed for an observer that has it open', () => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'fleet' })
    const next = joinEither(name, { lifetime: 'fleet' })
    first.publish(facts, fact)
    using observer = Fleet.observe(name)
    expect(observer.head(facts)).toBe(1)
    first.close()
    next.publish(others.capacity, fact)
    expectRefusal(() => inspectRing(observer, 7, []), OrbitError, 'ERR_ORBIT_RETIRED', 'observe the fleet again')
    for (const type of [facts, others.capacity, others.pod]) {
      expectRefusal(() => observer.head(type), OrbitError, 'ERR_ORBIT_RETIRED', 'observe the fleet again')
    }
  })

  it('is remade for a layer that is alone and asks for another geometry', () => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'fleet' })
    new OrbitCache(first, { capacity: 4, valueBytes: 16 }).put('key', 'value')
    const oldBytes = first.existing(200)?.payloadBytes
    const second = joinEither(name, { lifetime: 'fleet' })
    first.close()
    const cache = new OrbitCache(second, { capacity: 8 })
    expect(cache.capacity).toBe(8)
    expect(second.existing(200)?.payloadBytes).toBe(oldBytes)
    expect(cache.get('key')).toBeUndefined()
  })

  it.runIf(isShared)('is taken by a layer that is alone in a persistent fleet', () => {
    const name = fleetName()
    const first = joinEither(name, { lifetime: 'persistent' })
    new OrbitCache(first, { capacity: 4, valueBytes: 16 }).put('key', 'value')
    first.close()
    const cache = new OrbitCache(joinEither(name), { capacity: 8 })
    expect([cache.capacity, Buffer.from(cache.get('key') ?? []).toString()]).toEqual([4, 'value'])
  })
})

describe('a layer that asks for another geometry than other members use', () => {
  it('takes what exists and warns once for each object', async () => {
    const warnings: (Error & { code?: string })[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    onTestFinished(() => void process.off('warning', listen))
    const name = fleetName()
    const first = joinLocal(name)
    new OrbitCache(first, { capacity: 4, valueBytes: 16 })
    new OrbitEventBus(first, { capacity: 4, payloadBytes: 16 })
    new Contest(first, { capacity: 4 })
    for (const fleet of [joinLocal(name), joinLocal(name), first]) {
      const cache = new OrbitCache(fleet, { capacity: 8, valueBytes: 32 })
      cache.put('key', 'value')
      expect(new OrbitCache(fleet).capacity).toBe(4)
      new OrbitEventBus(fleet, { payloadBytes: 20 }).publish('topic', 'text')
      new Contest(fleet, { capacity: 16 })
    }
    await new Promise((resolve) => setImmediate(resolve))
    const own = warnings.filter(({ message }) => message.includes(`fleet ${name} `))
    expect(own.map(({ code, message }) => [code, message.replace(/ It is used.*/, '')])).toEqual([
      [
        'ORBIT_GEOMETRY_DIFFERS',
        `"orbit.cache" (KIND 200) of fleet ${name} has capacity=4, and capacity=8 was asked for; valueBytes=16, and valueBytes=32 was asked for.`,
      ],
      [
        'ORBIT_GEOMETRY_DIFFERS',
        `"orbit.events" (KIND 220) of fleet ${name} has payloadBytes=16, and payloadBytes=20 was asked for.`,
      ],
      [
        'ORBIT_GEOMETRY_DIFFERS',
        `"orbit.contest" (KIND 222) of fleet ${name} has capacity=4, and capacity=16 was asked for.`,
      ],
    ])
    expect(own[0]?.message).toContain('once every member has left')
  })
})

describe('a position of an earlier fleet', () => {
  it('is refused with both numbers, and the fleet has another id', () => {
    const name = fleetName()
    const old = Fleet.join(name)
    for (let i = 0; i < 3; i++) old.publish(facts, fact)
    const { id } = old
    expect(id).toMatch(/^0x[0-9a-f]{16}$/)
    expect(joinLocal(name).id).toBe(id)
    const position = old.cursor(facts, 'head').position
    expect(joinLocal(name).cursor(facts, position).poll().frames).toEqual([])
    const next = joinLocal(fleetName())
    expect(next.id).not.toBe(id)
    next.publish(facts, fact)
    expectRangeError(() => next.cursor(facts, position), 'from=3 is above head=1', 'earlier fleet or ring', next.id)
    old.close()
  })
})

describe.runIf(isLinux)('close', () => {
  it('gives up on a membership lock that a stopped process holds, and the next joiner starts afresh', async () => {
    const name = fleetName('close')
    const fleet = join(name)
    fleet.publish(facts, fact)
    const env = { ORBIT_NATIVE_PATH: faultAddon(), ORBIT_FAULT: 'join:locked', ORBIT_FAULT_SIGNAL: '19' }
    const stopped = start('steps.mjs', [name, [['join', { lifetime: 'fleet' }]]], { env })
    await stopped.stopped()
    const before = objectFile(name, 'fleet').u64(objectAt.fleetId)
    fleet.close()
    await stopped.kill()
    expect(join(name).head(facts)).toBe(0)
    expect(objectFile(name, 'fleet').u64(objectAt.fleetId)).not.toBe(before)
  })
})

describe.runIf(hasObjectFiles)('an observer of a fleet that has ended', () => {
  /** An observer that has used all of a fleet, which has ended since. */
  function observerOfEnded(): FleetObserver {
    const name = fleetName()
    const last = Fleet.joinShm(name)
    last.publish(facts, fact)
    new OrbitCache(last).put('key', 'value')
    new Contest(last).tryClaim('subject', { ttlMs: 60_000 })
    new OrbitEventBus(last).publish('topic', 'text')
    const observer = observe(name)
    expect(observer.head(facts)).toBe(1)
    expect(new OrbitCache(observer).get('key')).toBeDefined()
    expect(new Contest(observer).holders()).toHaveLength(1)
    last.close()
    return observer
  }

  it('learns from every read that the fleet has ended, instead of reading its last state for ever', () => {
    const observer = observerOfEnded()
    const expectRetired = (call: () => unknown) => expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED', 'again')
    expectRetired(() => observer.readHead(facts))
    expectRetired(() => observer.readAt(facts, 0))
    expectRetired(() => observer.head(facts))
    expectRetired(() => observer.cursor(facts))
    expectRetired(() => new OrbitCache(observer).get('key'))
    expectRetired(() => new Contest(observer).holder('subject'))
    expectRetired(() => new Contest(observer).holders())
    expectRetired(() => new OrbitEventBus(observer).cursor('start')) // not opened before
    expect(observer.orphaned).toBe(true)
  })

  it('ends a wait with that error', async () => {
    const name = fleetName()
    const last = Fleet.joinShm(name)
    last.publish(facts, fact)
    const observer = observe(name)
    const waiting = observer.cursor(facts, 'head').wait()
    last.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
  })
})
