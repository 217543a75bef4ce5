import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { abi } from '../../src/core/native.js'
import { Fleet, NetId64, type OrbitType, orbitType, pod } from '../../src/index.js'
import { fleetAt, objectAt, ringAt, ringHeaderAt } from '../help/bytes.js'
import { fleetName, objectName, objectPath, objectsOf, plant, shmFolder } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { newSeed } from '../help/random.js'
import { canRun, isLinux, isSanitized } from '../help/system.js'

const kind = 7
const facts = orbitType({ name: 'facts', kind, capacity: 8, payloadBytes: 64 })
const isRoot = process.geteuid?.() === 0

/** Every call that opens a fleet, by the role of its caller. */
const waysToFleet = {
  join: (name: string) => Fleet.joinShm(name).close(),
  'join with size and node': (name: string) =>
    Fleet.joinShm(name, { lifetime: 'persistent', size: 4, node: 1 }).close(),
  observe: (name: string) => Fleet.observe(name).close(),
}

type Way = (member: Fleet, observer: ReturnType<typeof Fleet.observe>, type: OrbitType) => unknown
const waysToRing: Record<string, Way> = {
  publish: (member, _, type) => member.publish(type, new Uint8Array(64)),
  publishBatch: (member, _, type) => member.publishBatch(type, [new Uint8Array(64)]),
  'read by a member': (member) => member.read(NetId64.make(kind, 0, 0)),
  'readHead by a member': (member, _, type) => member.readHead(type),
  'cursor of a member': (member, _, type) => member.cursor(type),
  'read by an observer': (_, observer) => observer.read(NetId64.make(kind, 0, 0)),
  'readHead by an observer': (_, observer, type) => observer.readHead(type),
  'cursor of an observer': (_, observer, type) => observer.cursor(type).poll(),
}

function failure(call: () => unknown): { code: string; message: string } {
  try {
    call()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('expected an error')
}

/** Everything that the system reports about a path, and its bytes. */
function portrait(path: string): unknown {
  const { ino, mode, uid, gid, size, mtimeMs, nlink } = lstatSync(path)
  const bytes = lstatSync(path).isFile() ? readFileSync(path).toString('hex') : undefined
  return { ino, mode, uid, gid, size, mtimeMs: bytes === undefined ? mtimeMs : 0, nlink, bytes }
}

function patch(path: string, offset: number, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path)
  change(bytes.subarray(offset))
  writeFileSync(path, bytes, { flag: 'r+' })
}

interface Squat {
  title: string
  code: string
  /** The text that the message must contain beside the object's name. */
  values: (string | RegExp)[]
  /** Changes the object at `path`, which is valid, closed and owned by this user. */
  squat: (path: string, name: string) => void
  skip?: string | false
}

/** Renames the file at `path`, and returns the new path. */
function moveAway(path: string): string {
  const moved = path.replace('-fleet-', '-was-').replace(`-${kind}-`, '-was-')
  renameSync(path, moved)
  return moved
}

const squats: Squat[] = [
  {
    title: 'an object of another owner',
    code: 'ERR_ORBIT_PERMISSION',
    // With fs.protected_regular the kernel refuses before the addon can look.
    values: isRoot && isUnprotected() ? ['uid=12345', 'uid=0'] : [],
    squat: (path) => chownSync(path, 12345, 12345),
    skip: !isRoot && 'only root can give a file away',
  },
  {
    title: 'an object open to the group',
    code: 'ERR_ORBIT_PERMISSION',
    values: ['0640', '0600'],
    squat: (path) => chmodSync(path, 0o640),
  },
  {
    title: 'an object open to all users',
    code: 'ERR_ORBIT_PERMISSION',
    values: ['0606', '0600'],
    squat: (path) => chmodSync(path, 0o606),
  },
  {
    title: 'a directory',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['not a regular file'],
    squat: (path) => {
      moveAway(path)
      mkdirSync(path, 0o700)
    },
  },
  {
    title: 'a FIFO',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['not a regular file'],
    squat: (path) => {
      moveAway(path)
      expect(spawnSync('mkfifo', ['-m', '600', path]).status).toBe(0)
    },
  },
  {
    title: 'a link to a valid object',
    code: 'ERR_ORBIT_PERMISSION',
    values: ['symbolic links'],
    squat: (path) => symlinkSync(moveAway(path), path),
  },
  {
    title: 'a link to nowhere',
    code: 'ERR_ORBIT_PERMISSION',
    values: ['symbolic links'],
    squat: (path) => {
      moveAway(path)
      symlinkSync('/nowhere', path)
    },
  },
  {
    title: 'a few foreign bytes',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['bytes=5'],
    squat: (path) => writeFileSync(path, 'hello'),
  },
  {
    title: 'a file too short to be an unfinished creation',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['bytes=40'],
    squat: (path) => writeFileSync(path, Buffer.alloc(40)),
  },
  {
    title: 'a truncated valid object',
    code: 'ERR_ORBIT_CORRUPT',
    values: [/bytes=\d+/],
    squat: (path) => writeFileSync(path, readFileSync(path).subarray(0, 200)),
  },
  {
    title: 'a truncated header',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['bytes=20'],
    squat: (path) => writeFileSync(path, readFileSync(path).subarray(0, 20)),
  },
  {
    title: 'a valid object with extra bytes',
    code: 'ERR_ORBIT_CORRUPT',
    values: [/bytes=\d+/],
    squat: (path) => writeFileSync(path, 'tail', { flag: 'a' }),
  },
  {
    title: 'an object with a foreign magic',
    code: 'ERR_ORBIT_LAYOUT_MISMATCH',
    values: ['magic=0x544942524f555352', /is not 0x[0-9a-f]{16}/],
    squat: (path) => patch(path, objectAt.magic, (bytes) => bytes.write('RSUORBIT')),
  },
  {
    title: 'an object of another layout version',
    code: 'ERR_ORBIT_LAYOUT_MISMATCH',
    values: [`layoutVersion=${abi.layoutVersion + 1}`, `is not ${abi.layoutVersion}`],
    squat: (path) => patch(path, objectAt.layoutVersion, (bytes) => bytes.writeUInt32LE(abi.layoutVersion + 1)),
  },
  {
    title: 'an object of a type that does not exist',
    code: 'ERR_ORBIT_CORRUPT',
    values: ['header'],
    squat: (path) => patch(path, objectAt.objectType, (bytes) => bytes.writeUInt32LE(77)),
  },
]

function isUnprotected(): boolean {
  try {
    return Number(readFileSync('/proc/sys/fs/protected_regular', 'utf8')) === 0
  } catch {
    return true
  }
}

function skipWith(context: TestContext, reason: string | false | undefined): void {
  if (reason) {
    console.log(`skipped: ${context.task.name}: ${reason}`)
    context.skip(reason)
  }
}

function expectRefused(call: () => unknown, path: string, code: string, values: (string | RegExp)[]): void {
  const before = portrait(path)
  const error = failure(call)
  expect(error).toMatchObject({ name: 'OrbitError', code })
  expect(error.message).toContain(path.replace(shmFolder, ''))
  for (const value of values) expect(error.message).toMatch(value)
  expect(portrait(path)).toEqual(before)
}

describe.runIf(isLinux)('at the name of the fleet object', () => {
  const wrong: Squat[] = [
    ...squats.filter(({ title }) => title !== 'an object of another layout version'), // remade: see restarts.test.ts
    {
      title: 'a ring of the same fleet',
      code: 'ERR_ORBIT_CORRUPT',
      values: ['header'],
      squat: (path, name) => copyFileSync(objectPath(name, kind), path),
    },
    {
      title: 'a fleet of size 0',
      code: 'ERR_ORBIT_CORRUPT',
      values: [/bytes=\d+/],
      squat: (path) => patch(path, fleetAt.size, (bytes) => bytes.writeUInt32LE(0)),
    },
    {
      title: 'a fleet with a size that does not fit its bytes',
      code: 'ERR_ORBIT_CORRUPT',
      values: [/bytes=\d+/],
      squat: (path) => patch(path, fleetAt.size, (bytes) => bytes.writeUInt32LE(65536)),
    },
  ]
  it.for(wrong)('refuses $title and leaves it unchanged', (squat, context) => {
    skipWith(context, squat.skip)
    const name = fleetName('squat')
    const fleet = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    fleet.publish(facts, new Uint8Array(64))
    fleet.close()
    const path = plant(objectPath(name, 'fleet'))
    squat.squat(path, name)
    for (const way of Object.values(waysToFleet)) expectRefused(() => way(name), path, squat.code, squat.values)
    if (squat.code === 'ERR_ORBIT_PERMISSION' && lstatSync(path).isFile()) {
      expectRefused(() => Fleet.remove(name), path, squat.code, [])
      expectRefused(() => Fleet.remove(name, { force: true }), path, squat.code, [])
    }
  })

  it('refuses a socket and leaves it unchanged', async () => {
    const name = fleetName('squat')
    const path = objectPath(name, 'fleet')
    await listen(path)
    for (const way of Object.values(waysToFleet))
      expectRefused(() => way(name), path, 'ERR_ORBIT_CORRUPT', ['not a regular file'])
  })

  it('a fleet of another size is refused with both sizes', () => {
    const name = fleetName('squat')
    using _member = Fleet.joinShm(name, { size: 4 })
    expectRefused(() => Fleet.joinShm(name, { size: 5 }), objectPath(name, 'fleet'), 'ERR_ORBIT_TYPE_MISMATCH', [
      'size=5 was asked for, the existing fleet has 4',
    ])
  })

  it.each([
    { title: 'an empty file', bytes: 0 },
    { title: 'a reservation without a magic', bytes: 100_000 },
  ])('$title is an unfinished creation: nothing to an observer, and the next joiner makes it', ({ bytes }) => {
    const name = fleetName('squat')
    const path = objectPath(name, 'fleet')
    writeFileSync(path, Buffer.alloc(bytes), { mode: 0o600 })
    expect(failure(() => Fleet.observe(name))).toMatchObject({ code: 'ERR_ORBIT_NOT_FOUND' })
    expect(readFileSync(path).length).toBe(bytes)
    using fleet = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    expect(fleet.node).toBe(0)
    expect(readFileSync(path).length).toBe(fleetAt.records + 4 * fleetAt.recordBytes)
  })
})

describe.runIf(isLinux)('at the name of a ring', () => {
  const ringPatch = (offset: number) => (path: string) =>
    patch(path, offset, (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE() * 2))
  const wrong: Squat[] = [
    ...squats,
    {
      title: 'a fleet object',
      code: 'ERR_ORBIT_CORRUPT',
      values: ['header'],
      squat: (path, name) => copyFileSync(objectPath(name, 'fleet'), path),
    },
    {
      title: 'a ring of another KIND',
      code: 'ERR_ORBIT_TYPE_MISMATCH',
      values: ['kind=7 was asked for, the existing ring has 8'],
      squat: (path) => patch(path, ringHeaderAt.kind, (bytes) => bytes.writeUInt32LE(8)),
    },
    {
      title: 'a ring with a capacity that does not fit its bytes',
      code: 'ERR_ORBIT_CORRUPT',
      values: [/bytes=\d+/],
      squat: ringPatch(ringHeaderAt.capacity),
    },
    {
      title: 'a ring with payloadBytes that do not fit its bytes',
      code: 'ERR_ORBIT_CORRUPT',
      values: [/bytes=\d+/],
      squat: ringPatch(ringHeaderAt.payloadBytes),
    },
    {
      title: 'a ring with a fleetSize that does not fit its bytes',
      code: 'ERR_ORBIT_CORRUPT',
      values: [/bytes=\d+/],
      squat: ringPatch(ringHeaderAt.fleetSize),
    },
  ]
  it.for(wrong)('refuses $title and leaves it unchanged', (squat, context) => {
    skipWith(context, squat.skip)
    const name = fleetName('squat')
    const maker = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    maker.publish(facts, new Uint8Array(64))
    maker.close()
    const path = plant(objectPath(name, kind))
    squat.squat(path, name)
    using member = Fleet.joinShm(name)
    using observer = Fleet.observe(name)
    for (const way of Object.values(waysToRing)) {
      expectRefused(() => way(member, observer, facts), path, squat.code, squat.values)
    }
    // Nothing else is affected.
    expect(member.publish(orbitType({ name: 'other', kind: 9 }), new Uint8Array(3)).counter).toBe(0)
  })

  it('refuses a socket and leaves it unchanged', async () => {
    const name = fleetName('squat')
    const path = objectPath(name, kind)
    using member = Fleet.joinShm(name)
    using observer = Fleet.observe(name)
    await listen(path)
    for (const way of Object.values(waysToRing)) {
      expectRefused(() => way(member, observer, facts), path, 'ERR_ORBIT_CORRUPT', ['not a regular file'])
    }
  })

  const others = [
    {
      title: 'capacity',
      type: orbitType({ name: 'facts', kind, capacity: 16, payloadBytes: 64 }),
      values: ['capacity=16 was asked for, the existing ring has 8'],
    },
    {
      title: 'payloadBytes',
      type: orbitType({ name: 'facts', kind, capacity: 8, payloadBytes: 65 }),
      values: ['payloadBytes=65 was asked for, the existing ring has 64'],
    },
    {
      title: 'name',
      type: orbitType({ name: 'guesses', kind, capacity: 8, payloadBytes: 64 }),
      values: ['name=guesses was asked for, the existing ring has facts'],
    },
    {
      title: 'pod',
      type: orbitType({ name: 'facts', kind, capacity: 8, payloadBytes: 64, pod: pod({ a: 'u64' }) }),
      values: [/pod=\{.*a.*\} was asked for, the existing ring has no pod/],
    },
  ]
  it.each(others)('a ring of another $title is refused with both', ({ type, values }) => {
    const name = fleetName('squat')
    using maker = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    maker.publish(facts, new Uint8Array(64))
    const path = objectPath(name, kind)
    using member = Fleet.joinShm(name)
    using observer = Fleet.observe(name)
    for (const [title, way] of Object.entries(waysToRing)) {
      // A read by id does not depend on the type of the ring.
      if (!title.startsWith('read by'))
        expectRefused(() => way(member, observer, type as OrbitType), path, 'ERR_ORBIT_TYPE_MISMATCH', values)
    }
    // The handle that has it open refuses too, and stays usable.
    expectRefused(() => maker.publish(type as OrbitType, new Uint8Array(64)), path, 'ERR_ORBIT_TYPE_MISMATCH', values)
    expect(maker.publish(facts, new Uint8Array(64)).counter).toBe(1)
  })

  it.each([
    { title: 'an empty file', bytes: 0 },
    { title: 'a reservation without a magic', bytes: 100_000 },
  ])('$title is an unfinished creation: nothing to an observer, and the next publisher makes it', ({ bytes }) => {
    const name = fleetName('squat')
    using member = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    using observer = Fleet.observe(name)
    const path = objectPath(name, kind)
    writeFileSync(path, Buffer.alloc(bytes), { mode: 0o600 })
    expect(observer.readHead(facts)).toBeUndefined()
    expect(readFileSync(path).length).toBe(bytes)
    expect(member.publish(facts, new Uint8Array(64)).counter).toBe(0)
    expect(observer.readHead(facts)?.position).toBe(0)
    expect(readFileSync(path).length).toBe(ringAt({ capacity: 8, payloadBytes: 64 }, 4).end)
  })
})

/** A socket at this path. The path of a socket has at most 107 bytes, so it is made by way of a shorter one. */
async function listen(path: string): Promise<void> {
  const server = createServer()
  const short = plant(mkdtempSync(join(tmpdir(), 'orbit-')))
  symlinkSync(dirname(path), join(short, 'objects'))
  await new Promise<void>((resolve) => server.listen(join(short, 'objects', basename(path)), resolve))
  chmodSync(path, 0o600)
  onTestFinished(() => void server.close())
}

// ---- random bytes --------------------------------------------------------------------------------------------------

describe.runIf(isLinux)('with random words', () => {
  const ring = ringAt({ capacity: 8, payloadBytes: 64 }, 4)
  const regions: Record<string, [number, number][]> = {
    'the hint, the floor and the counters': [[ringHeaderAt.hint, ring.slot(0)]],
    'the slots': [[ring.slot(0), ring.slot(8)]],
    'the entries and the spares': [[ring.entry(0), ring.chunk(0)]],
    'the chunks': [[ring.chunk(0), ring.end]],
    'the slots, the hint, the floor and the entries': [
      [ringHeaderAt.hint, ringHeaderAt.hint + 8],
      [ringHeaderAt.floor, ringHeaderAt.floor + 8],
      [ring.slot(0), ring.entry(4)],
    ],
    'the header': [[0, 448]],
    'all of the ring': [[0, ring.end]],
  }
  const fleetRegions: Record<string, [number, number][]> = {
    'the header of the fleet object': [[0, fleetAt.records]],
    'the records of the fleet object': [[fleetAt.records, fleetAt.records + 4 * fleetAt.recordBytes]],
  }
  const targets = [
    ...Object.entries(regions).map(([where, list]) => ({ where, list, object: 'ring' })),
    ...Object.entries(fleetRegions).map(([where, list]) => ({ where, list, object: 'fleet' })),
  ]
  const seed = newSeed('random words')

  async function expectClean(scene: string, options: Record<string, unknown>): Promise<void> {
    const name = fleetName('wild')
    const paths = { ring: objectPath(name, kind), fleet: objectPath(name, 'fleet') }
    const child = start('hostile.mjs', [scene, { name, seed, paths, ...options }])
    const said = await child.heard()
    expect({ ending: await child.ended, seed, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      seed,
      stderr: '',
    })
    expect(said).toHaveProperty('publish.clean')
  }

  it.each(['open', 'alone', 'in company'])(
    'gives a typed error or a clean value from every call on random words (%s)',
    (when) => expectClean('garbage', { when, rounds: 30, targets }),
  )

  it.each([
    { where: 'the words', list: [[ringHeaderAt.hint, ring.chunk(0)]] },
    { where: 'the chunks', list: [[ring.chunk(0), ring.end]] },
  ])('ends every call while random words are written into $where', ({ list }) =>
    expectClean('vandal', { writes: 20_000, list }),
  )
})

// ---- shortage ------------------------------------------------------------------------------------------------------

describe.runIf(isLinux)('a shortage of memory, space or descriptors', () => {
  const enormous = orbitType({
    name: 'enormous',
    kind: 3,
    capacity: abi.maxCapacity,
    payloadBytes: abi.maxPayloadBytes,
  })

  it('a ring beyond the size of /dev/shm is ERR_ORBIT_NO_SPACE, and leaves nothing behind', () => {
    const name = fleetName('want')
    using fleet = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    for (let i = 0; i < 2; i++) {
      const error = failure(() => fleet.publish(enormous, new Uint8Array(1)))
      expect(error).toMatchObject({ name: 'OrbitError', code: 'ERR_ORBIT_NO_SPACE', syscall: 'posix_fallocate' })
      expect(error.message).toMatch(/bytes=\d{13} do not fit: .* has \d+ bytes free of \d+: use a smaller/)
      expect(objectsOf(name)).toEqual([objectName(name, 'fleet')])
    }
    using observer = Fleet.observe(name)
    expect(observer.readHead(enormous)).toBeUndefined()
    expect(fleet.publish(facts, new Uint8Array(64)).counter).toBe(0)
  })

  it('throws ERR_ORBIT_NO_SPACE for a process-local ring larger than all memory', (context) => {
    skipWith(context, isSanitized && 'the sanitizer answers for mmap')
    using fleet = Fleet.join(fleetName('want'), { size: 4 })
    let error: unknown
    try {
      fleet.publish(enormous, new Uint8Array(1))
    } catch (thrown) {
      error = thrown
    }
    // A kernel that overcommits without limit grants even this.
    if (error !== undefined) expect(error).toMatchObject({ code: 'ERR_ORBIT_NO_SPACE' })
    expect(fleet.publish(facts, new Uint8Array(64)).counter).toBe(0)
  })

  const mount = `mount -t tmpfs -o size=1m tmpfs ${shmFolder}`
  const namespaces = [
    ['unshare', '-m'],
    ['unshare', '-rm'],
  ]
  /** A namespace with a /dev/shm of one megabyte; undefined: mounting is not permitted. */
  const through = namespaces.find(([command = '', ...rest]) => canRun(command, ...rest, 'sh', '-c', mount))
  const inSmallShm = (scene: string, name: string) =>
    start('hostile.mjs', [scene, { name }], {
      through: [...(through as string[]), 'sh', '-c', `${mount} && exec "$@"`, 'sh'],
    })

  it('gives claims memory as long as there is any, then throws ERR_ORBIT_NO_SPACE, and still renews and releases', async (context) => {
    skipWith(context, through === undefined && 'mounting in a namespace of our own is not permitted')
    const child = inSmallShm('fullContest', fleetName('want'))
    const said = await child.heard<Record<string, unknown>>()
    expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      stderr: '',
    })
    expect(said).toMatchObject({ refused: { code: 'ERR_ORBIT_NO_SPACE' }, renewed: true, released: true, again: true })
    expect(said?.['count']).toBeGreaterThan(50)
    expect(said?.['held']).toBe(said?.['count'])
  })

  it('throws ERR_ORBIT_NO_SPACE for a store that does not fit, and writes one that is open in a full /dev/shm', async (context) => {
    skipWith(context, through === undefined && 'mounting in a namespace of our own is not permitted')
    const child = inSmallShm('fullStore', fleetName('want'))
    const said = await child.heard<Record<string, unknown>>()
    const after = await child.heard<Record<string, unknown>>()
    expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      stderr: '',
    })
    const refused = { code: 'ERR_ORBIT_NO_SPACE', errno: 28 }
    expect(said).toMatchObject({ tooLarge: refused, full: refused, wrong: [] })
    const [before = 0] = (said?.['objects'] ?? []) as number[]
    expect(said?.['objects']).toEqual([before, before + 1, before + 2]) // with the store, and with the filler
    expect(said?.['putBytes']).toBeGreaterThan(4 * 384 * 1024)
    expect(said?.['hits']).toBeGreaterThan(3500)
    expect(after).toEqual({ left: ['filler'] })
  })

  it('throws ERR_ORBIT_NO_SPACE for join and publish in a full /dev/shm, never a SIGBUS, and leaves nothing behind', async (context) => {
    skipWith(context, through === undefined && 'mounting in a namespace of our own is not permitted')
    const name = fleetName('want')
    const child = inSmallShm('smallShm', name)
    const said = await child.heard<Record<string, unknown>>()
    expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      stderr: '',
    })
    const uid = through?.includes('-rm') ? 0 : process.geteuid?.()
    const ours = [`orbit-${name}-1-${uid}`, `orbit-${name}-fleet-${uid}`]
    const refused = { code: 'ERR_ORBIT_NO_SPACE', errno: 28 }
    expect(said).toMatchObject({
      empty: [],
      before: ours,
      tooLarge: refused,
      afterTooLarge: ours,
      ring: refused,
      fleet: refused,
      again: refused,
    })
    expect(said?.['afterFull']).toEqual(['filler', ...ours])
    expect(said?.['newest']).toBe(99)
  })

  it.each(['join', 'observe', 'ring'])('%s without free descriptors is a typed error, and ends', async (want) => {
    const name = fleetName('want')
    Fleet.joinShm(name, { lifetime: 'persistent', size: 4 }).close()
    const child = start('hostile.mjs', ['descriptors', { name, want }], { through: ['prlimit', '--nofile=64:64'] })
    const outcomes: { code?: string; errno?: number }[] = []
    for (let i = 0; i < 4; i++) outcomes.push(await child.next())
    expect(outcomes[0]).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno: 24 })
    for (const outcome of outcomes) {
      if (outcome.code !== undefined) expect(outcome).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno: 24 })
    }
    expect(outcomes[3]).not.toHaveProperty('code')
    for (let i = 0; i < 4; i++) expect(await child.next()).toMatchObject({ node: 0 })
    expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      stderr: '',
    })
  })

  it('throws ERR_ORBIT_NO_SPACE for a ring beyond the address space, and leaves nothing behind', async (context) => {
    skipWith(context, isSanitized && 'the sanitizer needs all of the address space')
    const name = fleetName('want')
    const path = objectPath(name, 2)
    const child = start('hostile.mjs', ['addressSpace', { name, ringBytes: 2 ** 27, path }])
    const said = await child.heard()
    expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
      ending: { code: 0, signal: null },
      stderr: '',
    })
    expect(said).toMatchObject({
      publish: { code: 'ERR_ORBIT_NO_SPACE', errno: 12 },
      small: { value: 1 },
      after: 'ENOENT',
    })
  })
})
