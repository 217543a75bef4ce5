import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { abi } from '../../src/core/native.js'
import {
  Contest,
  Fence,
  Fleet,
  type FleetObserver,
  Guard,
  type Holder,
  OrbitError,
  orbitType,
  type Subject,
} from '../../src/index.js'
import { compiler, faultAddon } from '../help/addons.js'
import { chunkAt, chunkIn, lapIn, objectFile, ringAt, slotWord } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinLocal, joinShm, memories, objectPath, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectClosed, expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'
import { canRun, isLinux, isSanitized, root } from '../help/system.js'

const kind = 222
const ttlMs = 600_000
const size = 8
/** Payloads for which the scratch has no room yet. */
let growing = 2 ** 20

/** Offsets in a claim, from the picture in native/protocol/layout.h. */
const claimAt = { token: 0, expiresAtMs: 8, incarnation: 24, node: 32, subjectBytes: 37, ownerBytes: 38, subject: 40 }
/** How many of the largest claims fit into one bucket. */
const cardClaims = 12
const cardBytes = cardClaims * (40 + 128 + 64)

function won(result: { guard: Guard } | { yieldTo: Holder }): Guard {
  if ('yieldTo' in result) throw new Error(`held by node ${result.yieldTo.node}, token ${result.yieldTo.token}`)
  return result.guard
}
function lost(result: { guard: Guard } | { yieldTo: Holder }): Holder {
  if ('guard' in result) throw new Error(`won, token ${result.guard.token}`)
  return result.yieldTo
}
const take = (contest: Contest, subject: string | Subject, ms = ttlMs): Guard =>
  won(contest.tryClaim(subject, { ttlMs: ms }))
const passed = (guard: Guard): void => {
  while (guard.held);
}

/** The words of a contest of one bucket. */
function wordsOf(name: string) {
  const file = objectFile(name, kind)
  const at = ringAt({ capacity: 1, payloadBytes: cardBytes }, size)
  const card = () => at.chunk(chunkIn(file.u64(at.slot(0))))
  return {
    file,
    at,
    get stamp() {
      return lapIn(file.u64(at.slot(0)))
    },
    /** Offset of the first claim on the card. */
    get claim() {
      return card() + chunkAt.payload
    },
    get card() {
      return card()
    },
    expireFirst() {
      file.setU64(card() + chunkAt.payload + claimAt.expiresAtMs, 1n)
    },
  }
}

describe('the golden numbers', () => {
  it('has the golden numbers of the native layout', () => {
    expect(abi).toMatchObject({ maxSubjectBytes: 128, maxOwnerBytes: 64, cardBytes })
  })
})

describe.each(memories)('a contest in $memory', ({ join }) => {
  const pair = () => {
    const name = fleetName()
    const fleets = [join(name, { size, node: 3 }), join(name, { size, node: 5 })] as const
    const [a, b] = [new Contest(fleets[0]), new Contest(fleets[1])]
    return { name, fleets, a, b }
  }

  it('takes its texts for no others after other calls, other owners, and in a larger scratch', () => {
    const { fleets, a, b } = pair()
    const label = (subject: string, owner: string) => lost(b.tryClaim(subject, { ttlMs, owner })).owner
    const guard = won(a.tryClaim('leader', { ttlMs, owner: 'first' }))
    won(a.tryClaim('other', { ttlMs, owner: 'second' }))
    fleets[0].publish(
      orbitType({ name: 'small', kind: 1, capacity: 4, payloadBytes: 256 }),
      new Uint8Array(256).fill(1),
    )
    expect([label('other', 'second'), label('leader', 'second')]).toEqual(['second', 'first'])
    guard.release()
    won(a.tryClaim('leader', { ttlMs, owner: 'third' }))
    expect(label('leader', 'third')).toBe('third')
    const large = orbitType({ name: 'large', kind: 2, capacity: 4, payloadBytes: growing })
    growing += 2 ** 20
    fleets[0].publish(large, new Uint8Array(8))
    expect(label('leader', 'third')).toBe('third')
    expect(a.holder('leader')?.owner).toBe('third')
  })

  it('gives a subject to the first claimant, and reports the holder to the others', () => {
    const { a, b } = pair()
    const before = Date.now()
    const guard = won(a.tryClaim('leader', { ttlMs, owner: 'first' }))
    expect(guard).toBeInstanceOf(Guard)
    expect(guard.held).toBe(true)
    expect(guard.subject).toEqual({ kind: 0, label: 'leader' })
    expect(guard.token).toBe(guard.holder.token)
    expect(guard.holder).toEqual({
      subject: { kind: 0, label: 'leader' },
      owner: 'first',
      node: 3,
      pid: process.pid,
      token: expect.any(Number),
      claimedAtMs: expect.any(Number),
      expiresInMs: ttlMs,
    })
    expect(guard.holder.claimedAtMs).toBeGreaterThanOrEqual(before - 100) // of a coarse clock
    expect(guard.holder.claimedAtMs).toBeLessThanOrEqual(Date.now())
    const holder = lost(b.tryClaim('leader', { ttlMs, owner: 'second' }))
    expect(holder).toEqual({ ...guard.holder, expiresInMs: expect.any(Number) })
    expect(holder.expiresInMs).toBeGreaterThan(0)
    expect(holder.expiresInMs).toBeLessThanOrEqual(ttlMs)
    expect(b.holder('leader')).toEqual({ ...holder, expiresInMs: expect.any(Number) })
    expect(a.holders()).toEqual([{ ...holder, expiresInMs: expect.any(Number) }])
  })

  it('frees a subject once by release, and gives the next guard a higher token', () => {
    const { a, b } = pair()
    const first = take(a, 'leader')
    expect(first.release()).toBe(true)
    expect([first.held, first.release(), first.renew(1000)]).toEqual([false, false, false])
    expect(a.holder('leader')).toBeUndefined()
    expect(a.holders()).toEqual([])
    const second = take(b, 'leader')
    expect(second.token).toBeGreaterThan(first.token)
    expect([first.held, first.release(), second.held]).toEqual([false, false, true])
  })

  it('frees a subject at the end of a using block', () => {
    const { a, b } = pair()
    {
      using guard = take(a, 'leader')
      expect(lost(b.tryClaim('leader', { ttlMs })).token).toBe(guard.token)
    }
    expect(take(b, 'leader').held).toBe(true)
  })

  it('refuses a second claim of a subject, from the same handle and from another handle of the fleet', () => {
    const { fleets, a } = pair()
    const guard = take(a, 'leader')
    for (const contest of [a, new Contest(fleets[0])]) {
      expect(lost(contest.tryClaim('leader', { ttlMs })).token).toBe(guard.token)
    }
    expect(guard.held).toBe(true)
  })

  it('keeps subjects apart by label and by kind', () => {
    const { a, b } = pair()
    const subjects: (string | Subject)[] = [
      'a',
      'ab',
      'A',
      'ä',
      { kind: 1, label: 'a' },
      { kind: 255, label: 'a' },
      'x'.repeat(128),
      `${'x'.repeat(127)}y`,
      'ü'.repeat(64),
      '🚀'.repeat(32),
    ]
    const guards = subjects.map((subject) => take(a, subject))
    expect(new Set(guards.map(({ token }) => token)).size).toBe(subjects.length)
    expect(lost(b.tryClaim({ kind: 0, label: 'a' }, { ttlMs })).token).toBe(guards[0]?.token)
    for (const [i, subject] of subjects.entries()) {
      const wanted = typeof subject === 'string' ? { kind: 0, label: subject } : subject
      expect(lost(b.tryClaim(subject, { ttlMs }))).toMatchObject({ subject: wanted, token: guards[i]?.token })
      expect(b.holder(subject)?.token).toBe(guards[i]?.token)
    }
    const held = b.holders().map(({ subject: { kind, label } }) => `${kind} ${label}`)
    expect(held.sort()).toEqual(
      subjects.map((of) => (typeof of === 'string' ? `0 ${of}` : `${of.kind} ${of.label}`)).sort(),
    )
  })

  it('reports the owner label, and never compares it', () => {
    const { a, b } = pair()
    for (const owner of ['', 'o', 'ö'.repeat(32), '🚀'.repeat(16), 'x'.repeat(64), 'with\0nul']) {
      using guard = won(a.tryClaim('leader', { ttlMs, owner }))
      expect(guard.holder.owner).toBe(owner)
      expect(lost(b.tryClaim('leader', { ttlMs, owner })).owner).toBe(owner)
      expect(b.holders().map((holder) => holder.owner)).toEqual([owner])
    }
    using guard = take(a, 'leader')
    expect(guard.holder.owner.length).toBeGreaterThan(0)
    expect(process.title.startsWith(guard.holder.owner)).toBe(true)
  })

  it('gives a subject with an expired claim to the next claimant', () => {
    const { a, b } = pair()
    const first = take(a, 'leader', 1)
    passed(first)
    expect(first.renew(ttlMs)).toBe(false)
    expect(a.holder('leader')).toBeUndefined()
    const second = take(b, 'leader')
    expect(second.token).toBeGreaterThan(first.token)
    expect([first.held, first.renew(ttlMs), first.release()]).toEqual([false, false, false])
    expect([second.held, b.holder('leader')?.token]).toEqual([true, second.token])
  })

  it('keeps a renewed claim beyond its first time to live', () => {
    const { a, b } = pair()
    const other = take(a, 'other', 500)
    const guard = take(a, 'leader', 500)
    expect(guard.renew(ttlMs)).toBe(true)
    passed(other)
    expect(guard.held).toBe(true)
    expect(lost(b.tryClaim('leader', { ttlMs })).expiresInMs).toBeGreaterThan(500)
    expect(guard.renew(1)).toBe(true) // shorter than before
    passed(guard)
    expect(take(b, 'leader').held).toBe(true)
  })

  it('does not depend on the wall clock', () => {
    const { a, b } = pair()
    const guard = take(a, 'leader')
    const { now } = Date
    onTestFinished(() => {
      Date.now = now
    })
    for (const offset of [-1e12, 1e12]) {
      Date.now = () => now() + offset
      expect(guard.held).toBe(true)
      expect(lost(b.tryClaim('leader', { ttlMs })).token).toBe(guard.token)
    }
  })

  it('keeps a living claim through 2,000 claims on other subjects', () => {
    const { a, b } = pair()
    const guard = take(a, 'mine')
    let token = guard.token
    for (let i = 0; i < 2000; i++) {
      const other = take(b, `other ${i}`)
      expect(other.token).toBeGreaterThan(token)
      token = other.token
      if (i % 2 === 0) other.release()
    }
    expect(guard.held).toBe(true)
    expect(lost(b.tryClaim('mine', { ttlMs })).token).toBe(guard.token)
    expect(b.holders()).toHaveLength(1001)
  })

  it('refuses a claim in a full bucket, and accepts it after another one ends', () => {
    const name = fleetName()
    const [a, b] = [join(name, { size }), join(name, { size })].map((fleet) => new Contest(fleet, { capacity: 1 }))
    const subject = (i: number) => `${i}`.padStart(128, '.')
    const owner = 'o'.repeat(64)
    const claim = (contest: Contest | undefined, i: number, ms = ttlMs) =>
      won((contest as Contest).tryClaim(subject(i), { ttlMs: ms, owner }))
    const guards = Array.from({ length: cardClaims }, (_, i) => claim(i % 2 === 0 ? a : b, i))
    for (const contest of [a, b]) {
      expectRefusal(() => claim(contest, cardClaims), OrbitError, 'ERR_ORBIT_TABLE_FULL', '222')
      expectRefusal(() => contest?.tryClaim('s', { ttlMs, owner: '' }), OrbitError, 'ERR_ORBIT_TABLE_FULL')
    }
    expect(lost((b as Contest).tryClaim(subject(0), { ttlMs })).token).toBe(guards[0]?.token) // yielding needs no room
    expect(guards.map((guard) => guard.held)).toEqual(guards.map(() => true))
    expect(guards[3]?.renew(ttlMs)).toBe(true)
    guards[3]?.release()
    const short = claim(a, cardClaims, 1)
    passed(short)
    const last = claim(b, cardClaims + 1)
    expect(last.held).toBe(true)
    expectRefusal(() => claim(a, cardClaims + 2), OrbitError, 'ERR_ORBIT_TABLE_FULL')
  })

  it('reuses the room of members that left', () => {
    const name = fleetName()
    const [leaving, staying] = [join(name, { size }), join(name, { size })]
    const contests = [leaving, staying].map((fleet) => new Contest(fleet, { capacity: 1 })) as [Contest, Contest]
    const subject = (i: number) => `${i}`.padStart(128, '.')
    for (let i = 0; i < cardClaims; i++) won(contests[0].tryClaim(subject(i), { ttlMs, owner: 'o'.repeat(64) }))
    leaving.close()
    expect(contests[1].holders()).toEqual([])
    expect(won(contests[1].tryClaim(subject(cardClaims), { ttlMs, owner: 'o'.repeat(64) })).held).toBe(true)
  })

  it('ends the guards of a closed handle, and frees their subjects', () => {
    const { fleets, a, b } = pair()
    const [first, second] = [take(a, 'one'), take(a, 'two')]
    fleets[0].close()
    expect([first.held, first.renew(ttlMs), first.release()]).toEqual([false, false, false])
    second[Symbol.dispose]()
    expect(b.holders()).toEqual([])
    const heir = take(b, 'one')
    expect(heir.token).toBeGreaterThan(first.token)
    expect([first.held, heir.held]).toEqual([false, true])
    for (const call of [
      () => a.tryClaim('one', { ttlMs }),
      () => a.holder('one'),
      () => a.holders(),
      () => new Contest(fleets[0]),
    ]) {
      expectClosed(call)
    }
  })

  it('does not attribute a claim to the next owner of a node', () => {
    const { name, fleets, a, b } = pair()
    const before = take(a, 'leader')
    fleets[0].close()
    const heir = new Contest(join(name, { node: 3 }))
    expect(heir.holder('leader')).toBeUndefined()
    const guard = take(heir, 'leader')
    expect([before.held, before.release(), guard.held]).toEqual([false, false, true])
    expect(lost(b.tryClaim('leader', { ttlMs })).token).toBe(guard.token)
  })

  it('takes the geometry of the contest that other members use', () => {
    const name = fleetName()
    new Contest(join(name, { size }), { capacity: 16 })
    const fleet = join(name)
    const guard = take(new Contest(fleet), 'leader')
    expect(lost(new Contest(fleet, { capacity: 16 }).tryClaim('leader', { ttlMs })).token).toBe(guard.token)
    for (const other of [fleet, join(name)]) {
      expect(new Contest(other, { capacity: 32 }).holder('leader')?.token).toBe(guard.token)
    }
    expect(guard.held).toBe(true)
  })

  it('opens a table once for any number of handles', () => {
    const fleet = join(fleetName(), { size })
    const opened = new Set<unknown>()
    for (let i = 0; i < 100; i++) {
      take(new Contest(fleet), `${i}`)
      opened.add(fleet.existing(kind))
    }
    expect(opened.size).toBe(1)
  })

  it('refuses a value that is not a fleet, and unknown options', () => {
    const fleet = join(fleetName(), { size })
    for (const wrong of [undefined, null, 'web', {}]) expectTypeError(() => new Contest(untyped(wrong)), 'fleet=')
    expectTypeError(() => new Contest(fleet, untyped({ size: 1 })), 'options.size')
    expectTypeError(() => new Contest(fleet, untyped(5)), 'options=5')
    expectTypeError(() => new Contest(fleet, { capacity: untyped('8') }), 'capacity="8"')
    for (const capacity of [0, -1, 3, 1000, 2 ** 20, 1.5]) {
      expectRangeError(() => new Contest(fleet, { capacity }), `capacity=${capacity}`)
    }
  })

  it('refuses wrong arguments of a claim, and changes nothing', () => {
    const { a } = pair()
    const claim = (subject: unknown, options: unknown = { ttlMs }) => a.tryClaim(untyped(subject), untyped(options))
    for (const look of [claim, (subject: unknown) => a.holder(untyped(subject))]) {
      for (const wrong of [undefined, null, 5, 5n, true]) expectTypeError(() => look(wrong), 'subject=')
      expectTypeError(() => look({ label: 'a' }), 'subject.kind=undefined')
      expectTypeError(() => look({ kind: '1', label: 'a' }), 'subject.kind="1"')
      expectTypeError(() => look({ kind: 1 }), 'subject=undefined')
      expectTypeError(() => look({ kind: 1, label: 'a', name: 'b' }), 'subject.name')
      for (const wrong of [-1, 256, 1.5, Number.NaN])
        expectRangeError(() => look({ kind: wrong, label: 'a' }), `${wrong}`)
      for (const wrong of ['', 'x'.repeat(129), 'ü'.repeat(65), 'a\0b']) expectRangeError(() => look(wrong), '1..128')
    }
    for (const wrong of [undefined, null, 5, 'ttl']) expectTypeError(() => a.tryClaim('a', untyped(wrong)))
    expectTypeError(() => claim('a', {}), 'ttlMs=undefined')
    expectTypeError(() => claim('a', { ttlMs: '5' }), 'ttlMs="5"')
    expectTypeError(() => claim('a', { ttlMs, timeoutMs: 5 }), 'options.timeoutMs')
    expectTypeError(() => claim('a', { ttlMs: 'live' }), "'life'")
    for (const wrong of [0, -1, 1.5, 2 ** 31, Number.NEGATIVE_INFINITY, Number.NaN]) {
      expectRangeError(() => claim('a', { ttlMs: wrong }), `ttlMs=${wrong}`)
    }
    for (const wrong of [null, 5, {}]) expectTypeError(() => claim('a', { ttlMs, owner: wrong }), 'owner=')
    for (const wrong of ['x'.repeat(65), 'ü'.repeat(33)])
      expectRangeError(() => claim('a', { ttlMs, owner: wrong }), '64')
    expect(a.holders()).toEqual([])
    const guard = take(a, 'a', 2 ** 31 - 1)
    for (const wrong of [0, -1, 1.5, 2 ** 31]) expectRangeError(() => guard.renew(wrong), `ttlMs=${wrong}`)
    expectTypeError(() => guard.renew(untyped('5')), 'ttlMs="5"')
    expect(guard.holder.expiresInMs).toBe(2 ** 31 - 1)
    expect(guard.renew(2 ** 31 - 1)).toBe(true)
  })
})

describe.each(memories)('a worker thread, in $memory,', ({ isShared, join }) => {
  it('competes with its parent for subjects, and frees its subjects when it is terminated', async () => {
    const name = fleetName()
    const contest = new Contest(join(name, { size }))
    const worker = new Worker(new URL('../fixtures/actor.mjs', import.meta.url), {
      workerData: ['contest', 'contestant', name, isShared],
    })
    onTestFinished(async () => void (await worker.terminate()))
    const next = <T>() => new Promise<T>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    const ask = <T>(...words: unknown[]) => {
      worker.postMessage(words)
      return next<T>()
    }
    expect(await next()).toBe('ready')
    const node = await ask<number>('join', {})
    const mine = take(contest, 'mine')
    expect(await ask('tryClaim', 'mine', { ttlMs })).toMatchObject({ value: { yieldTo: { token: mine.token } } })
    const theirs = await ask<{ value: { token: number } }>('tryClaim', 'theirs', { ttlMs })
    expect(theirs.value.token).toBeGreaterThan(mine.token)
    expect(lost(contest.tryClaim('theirs', { ttlMs }))).toMatchObject({ node, pid: process.pid, ...theirs.value })
    mine.release()
    expect(await ask('tryClaim', 'mine', { ttlMs })).toMatchObject({ value: { token: expect.any(Number) } })
    await worker.terminate()
    expect(contest.holders()).toEqual([])
    expect(take(contest, 'theirs').token).toBeGreaterThan(theirs.value.token)
  })
})

describe.skipIf(!hasObjectFiles)('an observer of a contest', () => {
  it('lists holders to an observer, which cannot claim', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size })
    const contest = new Contest(observe(name))
    const see = () => [contest.holder('leader')?.token, contest.holders().length]
    expect(see()).toEqual([undefined, 0]) // there is no table yet
    expectRefusal(() => contest.tryClaim('leader', { ttlMs }), OrbitError, 'ERR_ORBIT_READ_ONLY')
    const guard = take(new Contest(fleet), 'leader')
    expect(see()).toEqual([guard.token, 1])
    expectRefusal(() => contest.tryClaim('leader', { ttlMs }), OrbitError, 'ERR_ORBIT_READ_ONLY')
    expectRefusal(() => contest.tryClaim('another', { ttlMs }), OrbitError, 'ERR_ORBIT_READ_ONLY')
    fleet.close()
    expect(see()).toEqual([undefined, 0])
  })

  it('takes a contest of another capacity as it is', () => {
    const name = fleetName()
    const guard = take(new Contest(joinShm(name, { size }), { capacity: 16 }), 'leader')
    expect(new Contest(observe(name), { capacity: 8 }).holder('leader')?.token).toBe(guard.token)
  })

  it('lists nothing after it is closed, even when another fleet has reused its native handle', async () => {
    const name = fleetName()
    joinShm(name, { size })
    const observer: FleetObserver = observe(name)
    const contest = new Contest(observer)
    observer.close()
    const other = joinShm(fleetName(), { size })
    take(new Contest(other), 'leader')
    for (const call of [
      () => contest.holder('leader'),
      () => contest.holders(),
      () => contest.tryClaim('leader', { ttlMs }),
      () => new Contest(observer),
    ]) {
      expectClosed(call)
    }
    await expect(contest.claim('leader', { ttlMs })).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
  })
})

describe.skipIf(!hasObjectFiles)('a contest of a removed fleet', () => {
  it('refuses claims, and ends its guards', () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    const guard = take(contest, 'leader')
    Fleet.remove(name, { force: true })
    for (const call of [
      () => contest.tryClaim('leader', { ttlMs }),
      () => contest.holder('leader'),
      () => contest.holders(),
      () => guard.renew(ttlMs),
    ]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_RETIRED')
    }
    const successor = take(new Contest(joinShm(name, { size })), 'leader')
    expect([guard.held, guard.release(), successor.held]).toEqual([false, false, true])
  })
})

describe.runIf(isLinux && hasObjectFiles)('the memory of a contest', () => {
  it('grows with the claims that it has had, and not with its capacity', () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size: 256 }), { capacity: 2 ** 15 })
    const used = () => statSync(objectPath(name, kind)).blocks * 512
    const empty = used()
    expect(empty).toBeLessThan(400_000)
    for (let i = 0; i < 100; i++) take(contest, `subject-${i}`).release()
    expect(used() - empty).toBeGreaterThan(100 * 2000)
    expect(used() - empty).toBeLessThan(100 * 8192 + 1)
    const after = used()
    for (let i = 0; i < 100; i++) take(contest, `subject-${i}`)
    expect(used()).toBe(after)
  })
})

describe.skipIf(!hasObjectFiles)('the table of a contest', () => {
  const alone = () => {
    const name = fleetName()
    const fleets = [joinShm(name, { size, node: 0 }), joinShm(name, { size, node: 1 })] as const
    const [a, b] = fleets.map((fleet) => new Contest(fleet, { capacity: 1 })) as [Contest, Contest]
    return { name, fleets, a, b, words: wordsOf(name) }
  }

  it('is not changed by refused claims, by reads or by an expired guard', () => {
    const { a, b, words } = alone()
    expect(words.stamp).toBe(0)
    const guard = take(a, 'leader')
    expect(words.stamp).toBe(1)
    const before = words.file.bytes(0, words.at.end)
    const tokens = guard.token
    for (let i = 0; i < 5; i++) lost(b.tryClaim('leader', { ttlMs }))
    b.holder('leader')
    b.holders()
    expect(words.file.bytes(0, words.at.end).equals(before)).toBe(true)
    words.expireFirst()
    const stale = words.file.bytes(0, words.at.end)
    expect([guard.held, guard.renew(ttlMs), guard.release()]).toEqual([false, false, false])
    expect(words.file.bytes(0, words.at.end).equals(stale)).toBe(true)
    expect(take(b, 'leader').token).toBe(tokens + 1)
  })

  it('ends a guard at the millisecond in its claim', () => {
    const { a, b, words } = alone()
    const guard = take(a, 'leader')
    const nowMs = process.hrtime.bigint() / 1_000_000n
    words.file.setU64(words.claim + claimAt.expiresAtMs, nowMs + BigInt(ttlMs))
    expect([guard.held, lost(b.tryClaim('leader', { ttlMs })).expiresInMs <= ttlMs]).toEqual([true, true])
    words.file.setU64(words.claim + claimAt.expiresAtMs, nowMs)
    expect([guard.held, guard.renew(ttlMs), b.holder('leader')]).toEqual([false, false, undefined])
    expect(take(b, 'leader').token).toBe(guard.token + 1)
  })

  it('ignores a claim of a node that has no owner', () => {
    const { a, b, words } = alone()
    const guard = take(a, 'leader')
    const { claim } = words
    words.file.setU64(claim + claimAt.incarnation, 99n)
    expect([guard.held, b.holder('leader'), b.holders()]).toEqual([false, undefined, []])
    words.file.setU64(claim + claimAt.incarnation, 1n)
    expect([guard.held, b.holders().length]).toEqual([true, 1])
    words.file.setU32(claim + claimAt.node, words.file.u32(claim + claimAt.node) + 5) // node 5 has no owner
    expect([guard.held, b.holder('leader')]).toEqual([false, undefined])
    expect(take(b, 'leader').token).toBe(guard.token + 1)
  })

  it.each([
    [
      'on a card that is not a chunk',
      (words: ReturnType<typeof wordsOf>) => words.file.setU64(words.at.slot(0), slotWord(1, 2 ** 20 - 1)),
    ],
    ['on a card of another bucket', (words) => words.file.setU64(words.card + chunkAt.id, 5n)],
    ['in a list longer than its card', (words) => words.file.setU32(words.card + chunkAt.length, cardBytes + 8)],
    ['cut by the end of its list', (words) => words.file.setU32(words.card + chunkAt.length, 8)],
    [
      'one with a subject that is too long',
      (words) => words.file.setBytes(words.claim + claimAt.subjectBytes, Buffer.from([129])),
    ],
    [
      'one with an owner that is too long',
      (words) => words.file.setBytes(words.claim + claimAt.ownerBytes, Buffer.from([65])),
    ],
    ['one of a node beyond the fleet', (words) => words.file.setU32(words.claim + claimAt.node, size)],
    ['one with a token from the future', (words) => words.file.setU64(words.claim + claimAt.token, 2n ** 52n)],
    ['one without a token', (words) => words.file.setU64(words.claim + claimAt.token, 0n)],
  ] as [string, (words: ReturnType<typeof wordsOf>) => void][])(
    'refuses a subject when its claim is %s, and lists no holder',
    (_, damage) => {
      const { a, b, words } = alone()
      const guard = take(a, 'leader')
      damage(words)
      for (const call of [
        () => b.tryClaim('leader', { ttlMs }),
        () => b.tryClaim('another', { ttlMs }),
        () => b.holder('leader'),
        () => guard.renew(ttlMs),
      ]) {
        expectRefusal(call, OrbitError, 'ERR_ORBIT_CORRUPT')
      }
      expect([guard.held, guard.release(), b.holders()]).toEqual([false, false, []])
    },
  )

  it('gives no number that JavaScript cannot hold, for random words', () => {
    const { a, b, words } = alone()
    take(a, 'leader')
    words.file.setU64(words.claim + claimAt.expiresAtMs, 2n ** 64n - 1n)
    expect(b.holder('leader')?.expiresInMs).toBeGreaterThan(2 ** 53)
    expect(b.holders()[0]?.expiresInMs).toBeGreaterThan(2 ** 53)
    words.file.setBytes(words.claim + claimAt.subject, Buffer.alloc(6, 0xff)) // no UTF-8
    expect(b.holders()[0]?.subject.label).toBe('\ufffd'.repeat(6))
    expect(take(b, 'leader').held).toBe(true)
  })
})

describe('a Fence', () => {
  it('admits equal and growing tokens, and refuses older ones', () => {
    const fence = new Fence()
    expect(fence.highWater).toBe(0)
    expect([5, 5, 4, 7, 6, 7, 5, 8].map((token) => fence.admit(token))).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
      false,
      true,
    ])
    expect(fence.highWater).toBe(8)
  })

  it('continues from a stored mark', () => {
    const { highWater } = new Fence(7)
    expect(highWater).toBe(7)
    const fence = new Fence(highWater)
    expect([fence.admit(6), fence.admit(7), fence.admit(8), fence.highWater]).toEqual([false, true, true, 8])
    expect(new Fence(Number.MAX_SAFE_INTEGER).admit(Number.MAX_SAFE_INTEGER)).toBe(true)
  })

  it('refuses a value that is not a token, and keeps its mark', () => {
    const fence = new Fence(5)
    for (const wrong of [undefined, null, '7', 7n]) expectTypeError(() => fence.admit(untyped(wrong)), 'token=')
    for (const wrong of [-1, 1.5, Number.NaN, 2 ** 53]) expectRangeError(() => fence.admit(wrong), `token=${wrong}`)
    for (const wrong of [null, '7']) expectTypeError(() => new Fence(untyped(wrong)), 'highWater=')
    for (const wrong of [-1, 1.5, 2 ** 53]) expectRangeError(() => new Fence(wrong), `highWater=${wrong}`)
    expect(fence.highWater).toBe(5)
  })

  it('refuses a guard after its successor has written', () => {
    const name = fleetName()
    const [a, b] = [new Contest(joinLocal(name, { size })), new Contest(joinLocal(name, { size }))]
    const fence = new Fence()
    const first = take(a, 'file', 1)
    expect(fence.admit(first.token)).toBe(true)
    passed(first)
    const second = take(b, 'file')
    expect(fence.admit(first.token)).toBe(true) // allowed: the successor has written nothing yet
    expect(fence.admit(second.token)).toBe(true)
    expect(fence.admit(first.token)).toBe(false)
  })
})

describe.runIf(isLinux)('an unreachable guard', () => {
  const scene = async <T>(what: string): Promise<T> => {
    const child = start('guards.mjs', [what, fleetName()], { nodeOptions: ['--expose-gc', '--no-warnings'] })
    const said = await child.heard<T>()
    expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    return said as T
  }
  const warning = (subject: string) => ({
    name: 'OrbitWarning',
    code: 'ORBIT_GUARD_DROPPED',
    message: expect.stringContaining(`"${subject}"`),
  })

  it('warns once when it is collected unreleased, and holds until it expires', async () => {
    expect(await scene('dropped')).toEqual({ warnings: [warning('dropped')], holder: 'me' })
    expect(await scene('late')).toEqual({ warnings: [warning('late')], holder: 'me' })
    expect(await scene('expired')).toEqual({ warnings: [warning('short')], isFree: true })
  })

  it('does not warn after it has reported its end', async () => {
    expect(await scene('told')).toEqual({ warnings: [], told: [false, false] })
  })

  it('does not warn after it was released or its fleet was closed', async () => {
    expect(await scene('released')).toEqual({ warnings: [] })
    expect(await scene('closed')).toEqual({ warnings: [] })
  })

  it('keeps its fleet open, even as the last reference to it', async () => {
    expect(await scene('kept')).toEqual({ held: true, renewed: true, node: 1, released: true })
  })
})

describe.runIf(isLinux)('a process', () => {
  const contestant = async (name: string, options: object = {}) => {
    const child = start('actor.mjs', ['contest', 'contestant', name])
    expect(await child.next()).toBe('ready')
    return Object.assign(child, { node: await child.ask<number>('join', options) })
  }

  it('frees the subjects of a killed process for the next try, before they expire', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    let token = 0
    for (let i = 0; i < 5; i++) {
      const victim = await contestant(name)
      const won = await victim.ask<{ value: { token: number } }>('tryClaim', 'leader', { ttlMs: 2 ** 31 - 1 })
      expect(won.value.token).toBeGreaterThan(token)
      expect(lost(contest.tryClaim('leader', { ttlMs }))).toMatchObject({ node: victim.node, pid: victim.pid })
      if (i % 2 === 1) await victim.stop()
      await victim.kill()
      expect(contest.holders()).toEqual([])
      const guard = take(contest, 'leader')
      token = guard.token
      expect(token).toBeGreaterThan(won.value.token)
      guard.release()
    }
  })

  it.skipIf(isSanitized)(
    'frees the subjects of a killed process, even while the next owner of its node is stopped in a join',
    async () => {
      const name = fleetName()
      const contest = new Contest(joinShm(name, { size }))
      const victim = await contestant(name)
      await victim.ask('tryClaim', 'leader', { ttlMs })
      await victim.kill()
      const env = { ORBIT_NATIVE_PATH: faultAddon(), ORBIT_FAULT: 'join:leased', ORBIT_FAULT_SIGNAL: '19' }
      const next = start('actor.mjs', ['contest', 'contestant', name], { env })
      expect(await next.next()).toBe('ready')
      next.tell('join', { node: victim.node })
      await next.stopped()
      expect(contest.holders()).toEqual([])
      const guard = take(contest, 'leader')
      next.process.kill('SIGCONT')
      expect(await next.next()).toBe(victim.node)
      expect(guard.held).toBe(true)
    },
  )

  it('holds the subjects of a stopped process until they expire, and refuses its later writes', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size }))
    const holder = await contestant(name)
    const fence = new Fence()
    const { value } = await holder.ask<{ value: { token: number } }>('tryClaim', 'file', { ttlMs: 500 })
    expect(fence.admit(value.token)).toBe(true)
    await holder.stop()
    const guard = await contest.claim('file', { ttlMs })
    expect(guard.token).toBeGreaterThan(value.token)
    expect(fence.admit(guard.token)).toBe(true)
    holder.process.kill('SIGCONT')
    expect(await holder.ask('held', 'file')).toBe(false)
    expect(await holder.ask('renew', 'file', ttlMs)).toEqual({ value: false })
    expect(await holder.ask('release', 'file')).toEqual({ value: false })
    expect(fence.admit(value.token)).toBe(false)
    expect(guard.held).toBe(true)
  })

  it('gives a subject to one of sixteen processes that claim at once', async () => {
    const name = fleetName()
    const contest = new Contest(joinShm(name, { size: 32 }))
    const children = await Promise.all(Array.from({ length: 16 }, () => contestant(name)))
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(
        children.map((child) =>
          child.ask<{ value: { token?: number; yieldTo?: Holder } }>('tryClaim', `round ${round}`, { ttlMs }),
        ),
      )
      const tokens = results.flatMap(({ value }) => value.token ?? [])
      expect(tokens).toHaveLength(1)
      expect(results.map(({ value }) => value.token ?? value.yieldTo?.token)).toEqual(results.map(() => tokens[0]))
    }
    expect(contest.holders()).toHaveLength(20)
  })
})

describe.runIf(isLinux && !isSanitized && canRun(compiler, '--version'))('a process that forks without exec', () => {
  it('keeps its node and its guards when a forked child ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orbit-fork-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const addon = join(folder, 'fork.node')
    const headers = spawnSync('sh', [join(root, 'native/test/node_headers.sh'), process.execPath], { encoding: 'utf8' })
    const flags = ['-std=c++17', '-shared', '-fPIC', ...headers.stdout.trim().split(/\s+/), '-o', addon]
    const made = spawnSync(compiler, [...flags, join(root, 'test/fixtures/fork.cc')], { encoding: 'utf8' })
    expect(made.stderr).toBe('')

    const name = fleetName()
    const fleet = joinShm(name, { size: 4, lifetime: 'fleet' })
    const contest = new Contest(fleet)
    const child = start('forking.mjs', [name, addon])
    const node = await child.next<number>()
    expect(await child.ask('fork')).toEqual([8, 8, 8, 8, 8])
    expect(fleet.isDead(node)).toBe(false)
    expect(lost(contest.tryClaim('leader', { ttlMs })).pid).toBe(child.pid)
    expect(await child.ask('state')).toEqual([true, true, true])
    await child.kill()
    expect(take(contest, 'leader').held).toBe(true)
  })
})
