import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { collectMetrics, Fleet, orbitType, serve } from '../../src/index.js'
import { faultAddon } from '../help/addons.js'
import { bellPath, bellsOf, drainBell } from '../help/bells.js'
import { entryAt, objectFile, ringAt } from '../help/bytes.js'
import { fleetName, objectPath, objectsOf, plant } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { canRun, isLinux, isSanitized } from '../help/system.js'
import { followGlobalTime } from '../help/time.js'

followGlobalTime()

const kind = 7
const size = 32
const facts = orbitType({ name: 'facts', kind, capacity: 64, payloadBytes: 16 })
const at = ringAt(facts, size)
const isRoot = process.geteuid?.() === 0
const backupMs = 1000

/** Children with a backup timer that never ticks: only a bell wakes them. */
const bellsOnly = { env: { ORBIT_TEST_BELLS_ONLY: '1' } }

afterEach(() => {
  vi.useRealTimers()
})

const join = (name: string, options: object = {}): Fleet => {
  const fleet = Fleet.joinShm(name, { size, ...options })
  onTestFinished(() => fleet.close())
  return fleet
}
const publish = (fleet: Fleet, text = 'now') => fleet.publish(facts, Buffer.from(text))

async function waiter(name: string, options = bellsOnly, joining: object = {}): Promise<Child & { node: number }> {
  const child = start('actor.mjs', ['waiting', 'member', name], options)
  expect(await child.next()).toBe('ready')
  const { value, message } = await child.ask<{ value: number; message?: string }>('join', joining)
  expect(message).toBeUndefined()
  return Object.assign(child, { node: value })
}

async function asleep(child: Child, options: object = {}): Promise<void> {
  expect(await child.ask('wait', options)).toBe('asleep')
}

const woken = (...texts: string[]) => ({ woken: true, texts })

/** The words of a sleeper that publishers read. */
function wordsOf(name: string, node: number) {
  const file = objectFile(name, kind)
  return {
    get arm() {
      return Number(file.u64(at.entry(node) + entryAt.arm))
    },
    get bit() {
      return Number((file.u64(at.sleepers(node)) >> BigInt(node % 64)) & 1n)
    },
    set bits(bits: bigint) {
      file.setU64(at.sleepers(0), bits)
    },
    get bits() {
      return file.u64(at.sleepers(0))
    },
  }
}

describe.runIf(isLinux)('sleeping processes', () => {
  it('wakes all sixteen sleeping processes for one published frame', async () => {
    const name = fleetName('wake')
    const publisher = join(name)
    const children = await Promise.all(Array.from({ length: 16 }, () => waiter(name)))
    for (const round of ['first', 'second']) {
      await Promise.all(children.map((child) => asleep(child)))
      expect(bellsOf(name)).toEqual(children.map(({ node }) => node).sort((a, b) => a - b))
      publish(publisher, round)
      expect(await Promise.all(children.map((child) => child.next()))).toEqual(children.map(() => woken(round)))
    }
    await Promise.all(children.map((child) => child.ask('close')))
    expect(bellsOf(name)).toEqual([])
    expect(wordsOf(name, 0).bits).toBe(0n)
  })

  it('signals a sleeping process once for 10,000 frames, and reports the loss', async () => {
    const name = fleetName('wake')
    const publisher = join(name)
    const child = await waiter(name)
    await asleep(child)
    await child.stop() // it cannot arm again before the test continues it
    for (let i = 0; i < 10_000; i++) publish(publisher, `${i}`)
    expect(drainBell(bellPath(name, child.node))).toBe(1)
    child.process.kill('SIGCONT')
    const fd = openSync(bellPath(name, child.node), constants.O_WRONLY | constants.O_NONBLOCK)
    writeSync(fd, '!') // as if the byte had not been read
    closeSync(fd)
    expect(await child.next()).toEqual(woken(...Array.from({ length: 64 }, (_, i) => `${10_000 - 64 + i}`)))
  })

  it('signals a killed sleeper once, and never after its node has a new owner', async () => {
    const name = fleetName('wake')
    const publisher = join(name)
    const other = join(name)
    const victim = await waiter(name)
    await asleep(victim)
    publish(publisher)
    expect(await victim.next()).toEqual(woken('now')) // the publisher has its bell open
    await asleep(victim)
    const words = wordsOf(name, victim.node)
    const { arm } = words
    expect([arm % 2, words.bit]).toEqual([1, 1])
    await victim.kill()
    expect([words.arm, words.bit]).toEqual([arm, 1])
    for (let i = 0; i < 100; i++) publish(i % 2 === 0 ? publisher : other)
    expect(publisher.stats(facts)?.missedWakes).toBe(0) // no living sleeper was missed
    expect([words.arm, words.bit]).toEqual([arm + 1, 1])
    expect(bellsOf(name)).toEqual([victim.node])

    const heir = await waiter(name, bellsOnly, { node: victim.node })
    expect([words.arm, words.bit]).toEqual([arm + 1, 0])
    expect(bellsOf(name)).toEqual([])
    for (const fleet of [publisher, other, publisher]) {
      await asleep(heir)
      expect(words.bit).toBe(1)
      expect(words.arm).toBeGreaterThan(arm + 1)
      publish(fleet, 'for the heir')
      expect(await heir.next()).toEqual(woken('for the heir'))
    }
    expect(await heir.ask('close')).toEqual({ value: null })
    expect(bellsOf(name)).toEqual([])
  })

  it('does not kill a publisher by the SIGPIPE of a dead sleeper', async () => {
    const name = fleetName('wake')
    const [publisher, victim] = [await waiter(name), await waiter(name)]
    await publisher.ask('unsetSigpipe')
    for (const text of ['opens the bell', 'finds no reader']) {
      await asleep(victim)
      if (text === 'finds no reader') await victim.kill()
      expect(await publisher.ask('publish', text)).toHaveProperty('value')
      if (text === 'opens the bell') expect(await victim.next()).toEqual(woken(text))
    }
    expect(wordsOf(name, victim.node).arm % 2).toBe(0) // its bell was signalled
    await publisher.ask('close')
  })

  it('does not block a publisher on the full bell of a stopped process, which wakes after it continues', async () => {
    const name = fleetName('wake')
    const publisher = join(name)
    const [stopped, other] = [await waiter(name), await waiter(name)]
    await asleep(stopped)
    await stopped.stop()
    const fd = openSync(bellPath(name, stopped.node), constants.O_WRONLY | constants.O_NONBLOCK)
    onTestFinished(() => closeSync(fd))
    for (const bytes of [4096, 1]) expect(() => fillUp(fd, bytes)).toThrow('EAGAIN')
    for (let i = 0; i < 100; i++) {
      await asleep(other)
      publish(publisher, `${i}`)
      expect(await other.next()).toEqual(woken(`${i}`))
    }
    expect(() => fillUp(fd, 1)).toThrow('EAGAIN')
    stopped.process.kill('SIGCONT')
    expect(await stopped.next()).toEqual(woken(...Array.from({ length: 64 }, (_, i) => `${36 + i}`)))
    await asleep(stopped)
    publish(publisher, 'again')
    expect(await stopped.next()).toEqual(woken('again'))
  })
})

function fillUp(fd: number, bytes: number): void {
  expect(fstatSync(fd).isFIFO()).toBe(true) // a regular file could take all memory
  for (;;) writeSync(fd, Buffer.alloc(bytes, '!'))
}

interface Squat {
  title: string
  /** Replaces the bell of a sleeping owner by something else. */
  squat: (path: string) => void
  skip?: boolean
  /** It is not replaced: only the timer wakes. */
  isStubborn?: boolean
}

const squats: Squat[] = [
  { title: 'missing', squat: (path) => rmSync(path) },
  {
    title: 'a regular file',
    squat: (path) => {
      rmSync(path)
      writeFileSync(path, 'not a bell', { mode: 0o600 })
    },
  },
  {
    title: 'a directory',
    squat: (path) => {
      rmSync(path)
      mkdirSync(plant(path), 0o700)
    },
    isStubborn: true,
  },
  {
    title: 'a symlink to a file',
    squat: (path) => {
      rmSync(path)
      writeFileSync(plant(`${path}.target`), 'not a bell', { mode: 0o600 })
      symlinkSync(`${path}.target`, path)
    },
  },
  {
    title: 'a symlink to the bell itself',
    squat: (path) => {
      renameSync(path, plant(`${path}.moved`))
      symlinkSync(`${path}.moved`, path)
    },
  },
  { title: 'open to others', squat: (path) => chmodSync(path, 0o622) },
  { title: 'owned by another', squat: (path) => chownSync(path, 12345, 12345), skip: !isRoot },
  {
    title: "another's file",
    squat: (path) => {
      rmSync(path)
      writeFileSync(path, 'not a bell', { mode: 0o666 })
      chownSync(path, 12345, 12345)
    },
    skip: !isRoot,
  },
]

describe.runIf(isLinux).each(squats)('a bell that is $title', ({ squat, skip = false, isStubborn = false }) => {
  it.skipIf(skip)(
    'gets no byte when it is found in place of a bell; the timer wakes the owner, which opens a new FIFO',
    async () => {
      const name = fleetName('squat')
      const sleeper = join(name)
      const publisher = join(name)
      const cursor = sleeper.cursor(facts, 'head')
      const path = bellPath(name, sleeper.node)
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
      const waiting = cursor.wait()
      const { arm } = wordsOf(name, sleeper.node)
      squat(path)
      // The object that is there now, independent of its name.
      const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true
      const fd = isFile ? openSync(path, 'r') : -1
      publish(publisher)
      expect(wordsOf(name, sleeper.node).arm).toBe(arm + 1) // as if its bell had been signalled
      expect(publisher.stats(facts)?.missedWakes).toBe(1)
      vi.advanceTimersByTime(backupMs)
      expect(await waiting).toBe(true)
      expect(cursor.poll().frames).toHaveLength(1)
      if (isFile) {
        expect(readFileSync(fd, 'utf8')).toBe('not a bell')
        expect(fstatSync(fd).size).toBe(10)
        closeSync(fd)
      }
      if (isStubborn) {
        const next = cursor.wait()
        publish(publisher)
        vi.advanceTimersByTime(backupMs)
        expect(await next).toBe(true)
        return
      }
      // The bell causes the next wakeup: the clock does not run.
      const { mode, uid } = statSync(path)
      expect({ isFifo: statSync(path).isFIFO(), mode: mode & 0o7777, uid }).toEqual({
        isFifo: true,
        mode: 0o600,
        uid: process.geteuid?.(),
      })
      const next = cursor.wait()
      publish(publisher)
      expect(await next).toBe(true)
    },
  )

  it.skipIf(skip)('is replaced before the first sleep of its owner, or left to the timer', async () => {
    const name = fleetName('squat')
    const sleeper = join(name)
    const publisher = join(name)
    const cursor = sleeper.cursor(facts, 'head')
    const path = bellPath(name, sleeper.node)
    writeFileSync(path, '', { mode: 0o600 })
    squat(path)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const waiting = cursor.wait()
    publish(publisher)
    if (isStubborn) vi.advanceTimersByTime(backupMs)
    else expect(statSync(path).isFIFO()).toBe(true)
    expect(await waiting).toBe(true)
  })
})

describe.runIf(isLinux)('a publisher that dies', () => {
  // The test writes its last words: a frame that was swapped in before it saw the sleeper.
  it('loses no wakeup when it dies between its swap and its signal: the timer wakes the sleeper', async () => {
    const name = fleetName('hole')
    const [sleeper, publisher] = [join(name), join(name)]
    const cursor = sleeper.cursor(facts, 'head')
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const waiting = cursor.wait()
    const words = wordsOf(name, sleeper.node)
    const { arm, bits } = words
    words.bits = 0n
    publish(publisher)
    words.bits = bits
    expect([words.arm, drainBell(bellPath(name, sleeper.node))]).toEqual([arm, 0])
    vi.advanceTimersByTime(backupMs)
    expect(await waiting).toBe(true)
    expect(cursor.poll().frames).toHaveLength(1)
  })

  it('loses no wakeup when it dies between its swap and its signal: the next publisher wakes the sleeper', async () => {
    const name = fleetName('hole')
    const [sleeper, publisher] = [join(name), join(name)]
    const cursor = sleeper.cursor(facts, 'head')
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const waiting = cursor.wait()
    const words = wordsOf(name, sleeper.node)
    const { bits } = words
    words.bits = 0n
    publish(publisher)
    words.bits = bits
    publish(publisher)
    expect(await waiting).toBe(true)
    expect(cursor.poll().frames).toHaveLength(2)
  })
})

describe.runIf(isLinux)('a process that waits', () => {
  const isOver = async (child: Child) => ({ ...(await child.ended), stderr: child.stderr })
  const orderly = { code: 0, signal: null, stderr: '' }

  it.each([{ keepAlive: false }, { keepAlive: false, timeoutMs: 2 ** 31 - 1 }])(
    'is not kept alive by a wait with %o, and leaves no bell',
    async (options) => {
      const name = fleetName('alive')
      const witness = join(name)
      const child = start('actor.mjs', ['waiting', 'pending', name, options])
      expect(await child.next()).toBe(1)
      expect(await child.heard()).toBeUndefined()
      expect(await isOver(child)).toEqual(orderly)
      expect(bellsOf(name)).toEqual([])
      expect(witness.isDead(1)).toBe(true)
      expect(wordsOf(name, 1).arm % 2).toBe(1) // there was no process to disarm
      publish(witness)
      expect(wordsOf(name, 1).arm % 2).toBe(0)
      join(name, { node: 1 }).head(facts)
      expect(wordsOf(name, 1).bit).toBe(0)
    },
  )

  it.each([
    { scene: 'pending', options: {}, said: woken('now') },
    { scene: 'pending', options: { timeoutMs: 2 ** 31 - 1 }, said: woken('now') },
    { scene: 'pending', options: { keepAlive: true }, said: woken('now') },
    { scene: 'pending', options: { spin: true }, said: woken('now') },
    { scene: 'iterate', options: {}, said: ['now'] },
    { scene: 'iterate', options: { spin: true }, said: ['now'] },
  ])('is kept alive by $scene with $options until it is woken', async ({ scene, options, said }) => {
    const name = fleetName('alive')
    const publisher = join(name)
    const child = start('actor.mjs', ['waiting', scene, name, options])
    expect(await child.next()).toBe(1)
    expect(await child.next()).toBe('alive')
    publish(publisher)
    expect(await child.next()).toEqual(said)
    expect(await isOver(child)).toEqual(orderly)
    expect(bellsOf(name)).toEqual([])
  })

  it('is kept alive by a stream unless keepAlive is false', async () => {
    for (const keepAlive of [true, false]) {
      const name = fleetName('alive')
      const fleet = join(name)
      using _ = serve(fleet, 'work', {
        items: async function* (_value: undefined, { signal }: { signal: AbortSignal }) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          yield 0
        },
      })
      const child = start('actor.mjs', ['waiting', 'streaming', name, { keepAlive }])
      expect(await child.next()).toBe(1)
      expect(await child.heard()).toBe(keepAlive ? 'alive' : undefined)
      if (keepAlive) await child.kill()
      else expect(await child.ended).toEqual({ code: 13, signal: null })
    }
  })

  it.each(['iterate', 'listening', 'subscribe', 'watch', 'claim', 'loading', 'loaded', 'limited', 'calling'])(
    'is kept alive by %s unless keepAlive is false',
    async (scene) => {
      for (const keepAlive of [true, false]) {
        const name = fleetName('alive')
        const child = start('actor.mjs', ['waiting', scene, name, { keepAlive }])
        expect(await child.next()).toBe(0)
        expect(await child.heard()).toBe(keepAlive ? 'alive' : undefined)
        if (keepAlive) await child.kill()
        else expect(await child.ended).toEqual({ code: scene === 'listening' ? 0 : 13, signal: null }) // 13: in an await
      }
    },
  )

  it('ends a top-level await of a wait with a time limit, and ends orderly', async () => {
    const child = start('actor.mjs', ['waiting', 'timed', fleetName('alive'), 5])
    expect(await child.next()).toBe(false)
    expect(await isOver(child)).toEqual(orderly)
  })

  const hasLimits = canRun('prlimit', '--version')
  it.skipIf(!hasLimits)('is counted and wakes late if its publisher has no descriptor to open its bell', async () => {
    const name = fleetName('alive')
    const sleeper = join(name)
    const cursor = sleeper.cursor(facts, 'head')
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const waiting = cursor.wait()
    const child = start('actor.mjs', ['waiting', 'scarcePublisher', name], { through: ['prlimit', '--nofile=64:64'] })
    expect(await child.next()).toMatchObject({ code: 'EMFILE', published: { value: 0 } })
    expect(sleeper.stats(facts)?.missedWakes).toBe(1)
    const metrics = collectMetrics(sleeper).metrics
    expect(metrics.find((each) => each.name === 'orbit_missed_wakes_total')?.samples).toMatchObject([{ value: 1 }])
    vi.advanceTimersByTime(backupMs)
    expect(await waiting).toBe(true)
    expect(await isOver(child)).toEqual(orderly)
  })

  it.skipIf(!hasLimits)('leaves no bell when it had no descriptor for one', async () => {
    const name = fleetName('alive')
    const child = start('actor.mjs', ['waiting', 'scarce', name], { through: ['prlimit', '--nofile=64:64'] })
    expect(await child.next()).toEqual({ code: 'EMFILE', woken: false })
    expect(await isOver(child)).toEqual(orderly)
    expect(bellsOf(name)).toEqual([])
  })

  it('leaves no bell after process.exit and after an exception', async () => {
    const name = fleetName('alive')
    const exits = start('actor.mjs', ['waiting', 'exit', name, 5])
    expect(await exits.next()).toBe('asleep')
    expect(await isOver(exits)).toEqual({ code: 5, signal: null, stderr: '' })
    const throws = start('actor.mjs', ['waiting', 'throwing', name])
    expect(await throws.next()).toBe('asleep')
    expect(await isOver(throws)).toMatchObject({ code: 1, signal: null })
    join(name, { node: 0 })
    expect(bellsOf(name)).toEqual([])
  })

  it('leaves its bell after SIGKILL to the next owner of its node, to Fleet.remove, or to the last member', async () => {
    const name = fleetName('alive')
    for (const sweep of ['join', 'remove', 'last out'] as const) {
      const child = await waiter(name, bellsOnly, { lifetime: 'persistent' })
      await asleep(child)
      expect(bellsOf(name)).toEqual([child.node])
      await child.kill()
      expect(bellsOf(name)).toEqual([child.node])
      if (sweep === 'join') join(name, { node: child.node }).close()
      if (sweep === 'remove') Fleet.remove(name)
      if (sweep === 'last out') join(name, { node: 5, lifetime: 'fleet' }).close()
      expect(bellsOf(name)).toEqual([])
      expect(objectsOf(name)).toHaveLength(sweep === 'join' ? 2 : 0)
    }
  })

  it("leaves its bell to Fleet.remove even without the fleet's object, which touches no bell of a similar name", async () => {
    const name = fleetName('alive')
    const child = await waiter(name)
    await asleep(child)
    const namesake = `${name}-1`
    for (const what of ['fleet', kind] as const) plant(objectPath(namesake, what))
    const neighbour = await waiter(namesake)
    await asleep(neighbour)
    await child.kill()
    rmSync(objectPath(name, 'fleet'))
    Fleet.remove(name, { kind })
    expect(existsSync(bellPath(name, child.node)), 'of no ring in particular').toBe(true)
    expect(Fleet.remove(name)).toEqual([])
    expect(existsSync(bellPath(name, child.node))).toBe(false)
    expect(bellsOf(namesake)).toEqual([neighbour.node])
    await neighbour.ask('close')
  })

  it.skipIf(isSanitized)('opens no FIFO in a fleet that is removed at the same time', async () => {
    const name = fleetName('alive')
    const env = { ORBIT_NATIVE_PATH: faultAddon(), ORBIT_FAULT: 'bell:checked', ORBIT_FAULT_SIGNAL: '19' }
    const child = await waiter(name, { env: { ...bellsOnly.env, ...env } })
    child.tell('wait', {})
    await child.stopped()
    expect(child.isOver).toBe(false)
    Fleet.remove(name, { force: true })
    child.process.kill('SIGCONT')
    expect([await child.next(), await child.next()]).toEqual(
      expect.arrayContaining(['asleep', { code: 'ERR_ORBIT_RETIRED' }]),
    )
    expect(objectsOf(name)).toEqual([])
  })

  it('gives each worker thread its own bell, which goes when the thread is terminated', async () => {
    const name = fleetName('alive')
    const publisher = join(name)
    const child = start('actor.mjs', ['waiting', 'workers', name], bellsOnly)
    expect(await child.next()).toBe(1)
    const joined = [await child.next(), await child.next()] as { worker: number; said: { node: number } }[]
    const nodeOf = (worker: number) => joined.find((one) => one.worker === worker)?.said.node as number
    expect([nodeOf(0), nodeOf(1)].sort()).toEqual([2, 3])
    const sleepIn = async (worker: number) => {
      child.tell('waitIn', worker, {})
      expect([await child.next(), await child.next()]).toEqual(
        expect.arrayContaining(['told', { worker, said: 'asleep' }]),
      )
    }
    await sleepIn(0)
    await sleepIn(1)
    await asleep(child)
    expect(bellsOf(name)).toEqual([1, 2, 3])
    publish(publisher)
    const heard = [await child.next(), await child.next(), await child.next()]
    expect(heard).toEqual(
      expect.arrayContaining([woken('now'), { worker: 0, said: woken('now') }, { worker: 1, said: woken('now') }]),
    )

    await sleepIn(0)
    await sleepIn(1)
    child.tell('terminate', 0)
    expect([await child.next(), await child.next()]).toEqual(
      expect.arrayContaining([{ worker: 0, said: 'gone' }, 'terminated 1']),
    )
    expect(publisher.isDead(nodeOf(0))).toBe(true)
    expect(bellsOf(name)).toEqual([1, nodeOf(1)].sort())
    publish(publisher, 'still')
    expect(await child.next()).toEqual({ worker: 1, said: woken('still') })
    child.process.stdin?.end()
    expect(await isOver(child)).toEqual(orderly)
    expect(bellsOf(name)).toEqual([])
  })

  it('wakes two copies of the package in one process, each by its own bell', async () => {
    const name = fleetName('alive')
    const publisher = join(name)
    const dist = process.env['ORBIT_DIST'] ?? new URL('../../dist/index.js', import.meta.url).href
    const commonJs = fileURLToPath(new URL('commonjs.cjs', dist))
    const child = start('actor.mjs', ['waiting', 'copies', name, commonJs], bellsOnly)
    expect(await child.next()).toEqual({ areTwo: true, woken: [true, 'now', true, 'now', true, 'now'] })
    expect(bellsOf(name)).toEqual([1, 2])
    publish(publisher)
    expect(await child.next()).toEqual([true, true])
    expect(await isOver(child)).toEqual(orderly)
    expect(bellsOf(name)).toEqual([])
  })
})
