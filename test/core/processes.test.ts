import { beforeAll, describe, expect, it } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { faultAddon } from '../help/addons.js'
import { objectAt, objectFile } from '../help/bytes.js'
import { fleetName, objectName, objectPath, objectsOf } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { isLinux, isSanitized } from '../help/system.js'

const kind = 7
const facts = orbitType({ name: 'facts', kind, capacity: 64, payloadBytes: 64 })

interface Outcome<T> {
  value?: T
  code?: string
  message?: string
}

async function member(options: { env?: NodeJS.ProcessEnv } = {}): Promise<Child> {
  const child = start('actor.mjs', ['frames', 'member'], options)
  expect(await child.next()).toBe('ready')
  return child
}

async function members(count: number, options: { env?: NodeJS.ProcessEnv } = {}): Promise<Child[]> {
  return Promise.all(Array.from({ length: count }, () => member(options)))
}

/** Joins, and returns its node. */
async function joined(child: Child, name: string, options: object = {}): Promise<number> {
  const { value, message } = await child.ask<Outcome<{ node: number }>>('join', name, {
    lifetime: 'persistent',
    ...options,
  })
  expect(message).toBeUndefined()
  return (value as { node: number }).node
}

async function value<T>(child: Child, ...words: unknown[]): Promise<T> {
  const outcome = await child.ask<Outcome<T>>(...words)
  expect(outcome.message).toBeUndefined()
  return outcome.value as T
}

describe.runIf(isLinux)('several processes on one ring', () => {
  it('gives unique ids, whole frames, the order of each writer and exact loss when processes publish at once', async () => {
    const name = fleetName('many')
    const [writers, readers] = await Promise.all([members(4), members(2)])
    for (const child of [...writers, ...readers]) await joined(child, name, { size: 8 })
    const each = 10_000
    const total = writers.length * each
    const audits = readers.map((child) => child.ask<{ frames: number; lost: number; to: number }>('audit', total))
    const counters = (await Promise.all(writers.map((child) => value<number[]>(child, 'publish', each)))).flat()
    expect(counters.sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i))
    for (const account of await Promise.all(audits)) {
      expect(account).toEqual({ frames: account.frames, lost: total - account.frames, to: total })
      expect(account.frames).toBeGreaterThanOrEqual(facts.capacity)
    }
  })

  it('frees the lock of a publisher killed by SIGKILL at once, and gives its node and history to a newcomer', async () => {
    const name = fleetName('many')
    using witness = Fleet.joinShm(name, { size: 4, node: 3 })
    const writer = await member()
    expect(await joined(writer, name)).toBe(0)
    expect(await writer.ask('flood', 0, 1)).toBe('flooding')
    expect(witness.isDead(0)).toBe(false)
    await writer.kill()
    expect(witness.isDead(0)).toBe(true)
    expect(witness.nodes()[0]).toMatchObject({ node: 0, pid: writer.pid, alive: false, incarnation: 1 })

    const newcomer = await member()
    expect(await joined(newcomer, name)).toBe(0)
    expect(witness.nodes()[0]).toMatchObject({ node: 0, pid: newcomer.pid, alive: true, incarnation: 2 })
    const head = witness.head(facts)
    const history = await value<[number, number][]>(newcomer, 'read')
    const sequences = history.map(([, sequence]) => sequence)
    expect(sequences).toEqual(sequences.map((_, i) => head - sequences.length + i))
    expect(await value(newcomer, 'publish')).toEqual([head])
    expect(await value<unknown[]>(newcomer, 'read')).toHaveLength(Math.min(facts.capacity, head + 1))
  })

  it('does not block processes on one that is stopped in the middle of publishing', async () => {
    const name = fleetName('many')
    const [stopped, writer, reader] = (await members(3)) as [Child, Child, Child]
    for (const child of [stopped, writer, reader]) await joined(child, name, { size: 4 })
    expect(await stopped.ask('flood', 0, 1)).toBe('flooding')
    await stopped.stop()
    const counters = await value<number[]>(writer, 'publish', 5000)
    const first = counters[0] as number
    expect(counters).toEqual(counters.map((_, i) => first + i))
    const account = await reader.ask<{ frames: number; lost: number; to: number }>('audit', first + 5000)
    expect(account.frames + account.lost).toBe(first + 5000)
    // A newcomer joins, and the stopped process keeps its node.
    using newcomer = Fleet.joinShm(name)
    expect(newcomer.node).toBe(3)
    expect(newcomer.isDead(0)).toBe(false)
    expect(() => Fleet.joinShm(name, { node: 0 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_NODE_TAKEN' }))

    stopped.process.kill('SIGCONT')
    const cursor = newcomer.cursor(facts, 'head')
    for (let frames = 0; frames === 0; ) {
      frames = cursor.poll().frames.filter(({ node }) => node === 0).length
      await new Promise((resolve) => setImmediate(resolve))
    }
    await stopped.kill()
    expect(newcomer.isDead(0)).toBe(true)
  })
})

// The sanitized run uses one addon for everything, without fault points.
describe.runIf(isLinux && !isSanitized)('killed at a named step', () => {
  let env: NodeJS.ProcessEnv
  beforeAll(() => {
    env = { ORBIT_NATIVE_PATH: faultAddon() }
  })

  /** Checks that exactly these objects exist, that nodes are distinct, and that frames flow both ways. */
  function expectSound(name: string): void {
    using a = Fleet.joinShm(name, { size: 4, lifetime: 'persistent' })
    using b = Fleet.joinShm(name)
    expect(a.node).not.toBe(b.node)
    const cursors = [a, b].map((fleet) => fleet.cursor(facts, 'head'))
    const published = [a, b, a, b].map((fleet, i) => fleet.publish(facts, new Uint8Array(64).fill(i)).toString())
    for (const cursor of cursors) {
      const { frames } = cursor.poll()
      expect(frames.map(({ id }) => id.toString())).toEqual(published)
      expect(frames.map(({ payload }) => payload[63])).toEqual([0, 1, 2, 3])
    }
    const living = a.nodes().filter(({ alive }) => alive)
    expect(living.map(({ node }) => node)).toEqual(expect.arrayContaining([a.node, b.node]))
    expect(objectsOf(name)).toEqual([objectName(name, kind), objectName(name, 'fleet')])
  }

  async function expectKilled(child: Child, ...words: unknown[]): Promise<void> {
    child.tell(...words)
    expect({ said: await child.heard(), ...(await child.ended) }).toEqual({
      said: undefined,
      code: null,
      signal: 'SIGKILL',
    })
  }

  const creation = ['create:opened', 'create:locked', 'create:reserved', 'create:formatted']
  const joining = ['join:locked', 'join:leased', 'join:settled', 'join:recorded']

  it.each([...creation, ...joining])('keeps a fleet sound when its first member dies at %s', async (point) => {
    const name = fleetName('fault')
    const victim = await member({ env })
    await victim.ask('fault', point)
    await expectKilled(victim, 'join', name, { size: 4, lifetime: 'persistent' })
    expectSound(name)
  })

  it.each(creation)('keeps a ring sound when its creator dies at %s', async (point) => {
    const name = fleetName('fault')
    const [victim, witness] = (await members(2, { env })) as [Child, Child]
    await joined(witness, name, { size: 4 })
    await joined(victim, name)
    await victim.ask('fault', point)
    await expectKilled(victim, 'publish')
    expect(await value(witness, 'publish')).toEqual([0])
    expectSound(name)
  })

  it.each([...joining, 'join:ring-settled'])(
    'settles a dead writer even when its settler dies at %s',
    async (point) => {
      for (const hasWitness of [true, false]) {
        const name = fleetName('fault')
        const [writer, victim, witness] = (await members(3, { env })) as [Child, Child, Child]
        if (hasWitness) await joined(witness, name, { size: 4, node: 3 })
        await joined(writer, name, { size: 4 })
        expect(await writer.ask('flood', 0, 1)).toBe('flooding')
        await writer.kill()
        await victim.ask('fault', point)
        await expectKilled(victim, 'join', name, { node: 0 })
        expectSound(name)
        if (hasWitness) await value(witness, 'publish')
      }
    },
  )

  it.each(['close:begun', 'close:recorded'])('keeps a fleet sound when a member dies at %s', async (point) => {
    for (const lifetime of ['persistent', 'fleet']) {
      const name = fleetName('fault')
      const victim = await member({ env })
      await joined(victim, name, { size: 4, lifetime })
      await value(victim, 'publish')
      await victim.ask('fault', point)
      await expectKilled(victim, 'close')
      expectSound(name)
    }
  })

  it.each(['remove:retired', 'remove:ring'])(
    'finishes a removal that died at %s when the next member joins',
    async (point) => {
      const name = fleetName('fault')
      const [writer, victim] = (await members(2, { env })) as [Child, Child]
      await joined(writer, name, { size: 4 })
      await value(writer, 'publish')
      const before = objectFile(name, kind).u64(objectAt.fleetId)
      const closed = Fleet.joinShm(name)
      await value(writer, 'close')
      closed.close()
      await victim.ask('fault', point)
      await expectKilled(victim, 'remove', name)
      expectSound(name)
      expect(objectFile(name, kind).u64(objectAt.fleetId)).not.toBe(before)
    },
  )

  it('retires living members when a forced removal dies half-way, and lets the next member begin anew', async () => {
    const name = fleetName('fault')
    const [writer, victim] = (await members(2, { env })) as [Child, Child]
    await joined(writer, name, { size: 4 })
    await value(writer, 'publish')
    await victim.ask('fault', 'remove:retired')
    await expectKilled(victim, 'remove', name, { force: true })
    expectSound(name)
    expect(await writer.ask('publish')).toMatchObject({ code: 'ERR_ORBIT_RETIRED' })
  })

  // A fleet that is created during the removal of a missing one must live.
  it('does not remove a fleet that was joined after the removal found none', async () => {
    const name = fleetName('fault')
    const [remover, writer] = (await members(2, { env })) as [Child, Child]
    await remover.ask('fault', 'remove:retired', 19)
    remover.tell('remove', name)
    await remover.stopped()
    // Either it left nothing to join, and a new fleet must live; or its object and its lock hold newcomers off.
    const isHoldingOff = objectsOf(name).length > 0
    const comeIn = async () => {
      await joined(writer, name, { size: 4 })
      await value(writer, 'publish')
    }
    if (!isHoldingOff) await comeIn()
    remover.process.kill('SIGCONT')
    expect(await remover.next()).toMatchObject({ value: [] })
    if (isHoldingOff) await comeIn()
    expect(await value(writer, 'publish')).toEqual([1])
    expectSound(name)
  })

  it('leaves one sound fleet and ring when 32 processes attach while the creator is killed', async () => {
    const name = fleetName('fault')
    const points = [...creation, ...joining, 'close:begun', 'close:recorded']
    const children = await members(32, { env })
    const victims = children.slice(0, 16)
    const rest = children.slice(16)
    // Half of the victims die while they create the fleet object, half while they create the ring.
    await Promise.all(
      victims.map((child, i) => (i % 2 === 0 ? child.ask('fault', points[(i / 2) % points.length]) : undefined)),
    )
    const outcomes = await Promise.all(
      [...victims, ...rest].map(async (child, i) => {
        child.tell('join', name, { size: 32, lifetime: 'persistent', joinTimeoutMs: 60_000 })
        const joined = await child.heard<Outcome<{ node: number }>>()
        if (joined === undefined) return undefined
        if (i < victims.length) child.tell('fault', creation[i % creation.length])
        if (i < victims.length) await child.heard()
        child.tell('publish', 1)
        const counters = await child.heard<Outcome<number[]>>()
        if (counters === undefined) return undefined
        expect([joined.message, counters.message]).toEqual([undefined, undefined])
        child.tell('inode', objectPath(name, kind))
        return {
          child,
          node: joined.value?.node,
          counters: counters.value,
          inode: (await child.next<Outcome<number>>()).value,
        }
      }),
    )
    const survivors = outcomes.filter((outcome) => outcome !== undefined)
    expect(survivors.length).toBeGreaterThanOrEqual(rest.length)
    expect(survivors.length).toBeLessThan(children.length)
    expect(new Set(survivors.map(({ node }) => node)).size).toBe(survivors.length)
    expect(new Set(survivors.map(({ inode }) => inode)).size).toBe(1)
    const counters = survivors.flatMap((survivor) => survivor.counters as number[])
    expect(new Set(counters).size).toBe(survivors.length)

    // Each process reads what all have published, even the dead ones.
    const all = await Promise.all(survivors.map(({ child }) => value<[number, number][]>(child, 'read')))
    for (const read of all) {
      expect(read).toEqual(all[0])
      for (const { node } of survivors) expect(read).toContainEqual([node, 0])
    }
    expect(objectsOf(name)).toHaveLength(2)
    for (const { child } of survivors) await value(child, 'close')
    using next = Fleet.joinShm(name)
    expect(next.nodes().filter(({ alive }) => alive)).toHaveLength(1)
    expect(next.cursor(facts).poll().frames).toHaveLength((all[0] as unknown[]).length)
    expect(next.stats(facts)?.burned).toBe(0)
  })

  it('throws ERR_ORBIT_BUSY to new members, not to existing ones, while a process is stopped inside a join', async () => {
    const name = fleetName('fault')
    const [stopped, joiner, witness] = (await members(3, { env })) as [Child, Child, Child]
    await joined(witness, name, { size: 4 })
    await value(witness, 'publish')
    await stopped.ask('fault', 'join:locked', 19)
    stopped.tell('join', name)
    await stopped.stopped()
    joiner.tell('join', name)
    expect(await value(witness, 'publish', 1000)).toHaveLength(1000)
    expect(await value<unknown[]>(witness, 'nodes')).toHaveLength(1)
    const advice = 'resume or end it if it is stopped (T in the STAT column of ps), or wait longer (joinTimeoutMs)'
    expect(await joiner.next()).toMatchObject({ code: 'ERR_ORBIT_BUSY', message: expect.stringContaining(advice) })
    await stopped.kill()
    expect(await joined(joiner, name)).toBe(1)
    expectSound(name)
  })

  /** A process that is stopped inside the lock for joining. */
  async function stoppedInside(name: string): Promise<Child> {
    const stopped = await member({ env })
    await stopped.ask('fault', 'join:locked', 19)
    stopped.tell('join', name)
    await stopped.stopped()
    return stopped
  }

  it('waits for the lock as long as joinTimeoutMs says, and closes before that', async () => {
    const name = fleetName('fault')
    const [patient, leaver, creator] = (await members(3)) as [Child, Child, Child]
    await joined(leaver, name, { size: 4, lifetime: 'fleet' })
    await joined(creator, name, { joinTimeoutMs: 0 })
    const stopped = await stoppedInside(name)
    let isIn = false
    const joining = joined(patient, name, { joinTimeoutMs: 2 ** 31 - 1 }).then((node) => {
      isIn = true
      return node
    })
    expect(await creator.ask('create', 8)).toMatchObject({ code: 'ERR_ORBIT_BUSY' })
    await value(leaver, 'close')
    expect(isIn).toBe(false)
    await stopped.kill()
    expect(await joining).toBe(0)
    expect(await value(creator, 'create', 8)).toBe(0)
  })

  it('joins without blocking the event loop by joinShmAsync', async () => {
    const name = fleetName('fault')
    Fleet.joinShm(name, { size: 4 }).close()
    const stopped = await stoppedInside(name)
    await expect(Fleet.joinShmAsync(name, { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'ERR_ORBIT_BUSY',
      message: expect.stringMatching(/wait longer \(timeoutMs\)$/),
    })
    const aborter = new AbortController()
    const aborted = Fleet.joinShmAsync(name, { timeoutMs: 2 ** 31 - 1, signal: aborter.signal })
    const joining = Fleet.joinShmAsync(name, { timeoutMs: 2 ** 31 - 1 })
    const reason = new Error('enough')
    setImmediate(() => aborter.abort(reason))
    await expect(aborted).rejects.toBe(reason)
    await expect(Fleet.joinShmAsync(name, { signal: aborter.signal })).rejects.toBe(reason)
    for (const keepAlive of [true, false]) {
      const child = start('actor.mjs', ['waiting', 'joining', name, { timeoutMs: 2 ** 31 - 1, keepAlive }])
      expect(await child.next()).toBe('joining')
      expect(await child.heard()).toBe(keepAlive ? 'alive' : undefined)
      if (keepAlive) await child.kill()
      else expect(await child.ended).toEqual({ code: 13, signal: null }) // a top-level await that did not end
    }
    await stopped.kill()
    using fleet = await joining
    expect(fleet.node).toBe(0)
  })
})
