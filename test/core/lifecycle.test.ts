import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { faultAddon } from '../help/addons.js'
import { bellPath } from '../help/bells.js'
import { fleetName, objectName, objectPath, objectsOf, shmFolder } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { isLinux, isSanitized, root } from '../help/system.js'

const type = orbitType({ name: 'facts', kind: 7, capacity: 1024, payloadBytes: 16 })

type Step = [name: string, ...args: unknown[]]

interface Life {
  title: string
  steps: Step[]
  /** How the process ends. */
  code?: number | null
  signal?: NodeJS.Signals
  /** The least number of frames that its main thread published. */
  frames?: number
  /** True if it left by close(), its own or that of its environment: no record of a dead member remains. */
  isOrderly?: boolean
  nodeOptions?: string[]
  /** Actions of the test after the process has reported its node. */
  act?: (child: Child) => unknown
}

const lives: Life[] = [
  { title: 'ends with the fleet closed', steps: [['join'], ['publish', 3], ['close']], frames: 3, isOrderly: true },
  { title: 'ends with the fleet open', steps: [['join'], ['publish', 3]], frames: 3, isOrderly: true },
  { title: 'ends without having opened a ring', steps: [['join']], isOrderly: true },
  { title: 'calls process.exit', steps: [['join'], ['publish', 3], ['exit', 5]], code: 5, frames: 3, isOrderly: true },
  { title: 'throws', steps: [['join'], ['publish', 3], ['throw']], code: 1, frames: 3 },
  { title: 'throws in a callback', steps: [['join'], ['publish', 3], ['throwLater']], code: 1, frames: 3 },
  { title: 'leaves a rejection unhandled', steps: [['join'], ['publish', 3], ['reject']], code: 1, frames: 3 },
  { title: 'aborts', steps: [['join'], ['publish', 3], ['abort']], signal: 'SIGABRT', frames: 3 },
  { title: 'gets SIGTERM', steps: [['join'], ['publish', 3], ['die', 'SIGTERM']], signal: 'SIGTERM', frames: 3 },
  { title: 'gets SIGKILL', steps: [['join'], ['publish', 3], ['die', 'SIGKILL']], signal: 'SIGKILL', frames: 3 },
  {
    title: 'is killed while it publishes',
    steps: [['join'], ['flood']],
    signal: 'SIGKILL',
    frames: 1,
    act: async (child) => {
      expect(await child.next()).toBe('flooding')
      child.process.kill('SIGKILL')
    },
  },
  {
    title: 'forgets the fleet without close',
    steps: [['join'], ['publish', 3], ['collect']],
    nodeOptions: ['--expose-gc'],
    frames: 3,
    isOrderly: true,
  },
  {
    title: 'keeps only a cursor of the fleet',
    steps: [['join'], ['publish', 3], ['keepCursor']],
    nodeOptions: ['--expose-gc'],
    frames: 3,
    isOrderly: true,
  },
  {
    title: 'keeps only a guard of the fleet',
    steps: [['join'], ['publish', 3], ['keepGuard']],
    nodeOptions: ['--expose-gc'],
    frames: 3,
    isOrderly: true,
  },
]

/** The texts that the ring retains, in order. */
function history(fleet: Pick<Fleet, 'cursor'>): string[] {
  return fleet
    .cursor(type)
    .poll()
    .frames.map(({ payload }) => Buffer.from(payload).toString())
}

/** Checks the frames of a process (`pid.0`, `pid.1`, ...) and of its worker thread (`pidt.0`, ...) in order. */
function expectOrdered(texts: string[], pid: number): void {
  for (const author of [`${pid}.`, `${pid}t.`]) {
    const mine = texts.filter((text) => text.startsWith(author)).map((text) => Number(text.split('.')[1]))
    expect(mine).toEqual(mine.map((_, i) => (mine[0] as number) + i))
  }
}

describe.each([{ company: 'in company' }, { company: 'alone' }])('a process $company', ({ company }) => {
  it.each(lives)('that $title gives its node back', async (life) => {
    const name = fleetName('life')
    const other = Fleet.joinShm(name, { lifetime: 'persistent', size: 4 })
    other.publish(type, Buffer.from('before'))
    if (company === 'alone') other.close()

    const child = start('steps.mjs', [name, life.steps], { nodeOptions: life.nodeOptions ?? [] })
    const node = await child.next<number>()
    expect(node).toBe(company === 'alone' ? 0 : 1)
    await life.act?.(child)
    const ending = await child.ended
    expect({ ...ending, stderr: ending.code === (life.code ?? 0) ? '' : child.stderr }).toEqual({
      code: life.signal ? null : (life.code ?? 0),
      signal: life.signal ?? null,
      stderr: life.signal ? child.stderr : '',
    })

    const observer = Fleet.observe(name)
    expect(observer.isDead(node)).toBe(true)
    const left = observer.nodes().filter((record) => record.node === node)
    if (life.isOrderly) expect(left).toEqual([])
    for (const record of left) expect(record).toMatchObject({ node, pid: child.pid, alive: false })
    observer.close()

    const next = Fleet.joinShm(name, { node })
    expect(next.nodes().find((record) => record.node === node)).toMatchObject({
      pid: process.pid,
      alive: true,
      incarnation: company === 'alone' ? 3 : 2,
    })
    const texts = history(next)
    expect(texts.filter((text) => text.startsWith(`${child.pid}.`)).length).toBeGreaterThanOrEqual(life.frames ?? 0)
    expectOrdered(texts, child.pid)
    if (!life.act) expect(texts[0]).toBe('before')
    next.publish(type, Buffer.from('after'))
    expect(history(next).at(-1)).toBe('after')
    next.close()
    other.close()
  })
})

describe('a worker thread', () => {
  const cases: { title: string; steps: Step[] }[] = [
    {
      title: 'has its own node',
      steps: [
        ['join'],
        ['worker', ['join'], ['publish', 3], ['hear', 'end']],
        ['workerIs', 'alive'],
        ['tell', 'end'],
        ['workerEnds', 0],
        ['workerIs', 'dead'],
      ],
    },
    {
      title: 'returns its node when it is terminated while it publishes',
      steps: [
        ['join'],
        ['worker', ['join'], ['flood']],
        ['workerSays', 'flooding'],
        ['workerIs', 'alive'],
        ['terminate'],
        ['workerIs', 'dead'],
        ['publish'],
      ],
    },
    {
      title: 'returns its node when it calls process.exit',
      steps: [
        ['join'],
        ['worker', ['join'], ['hear', 'end'], ['exit', 3]],
        ['tell', 'end'],
        ['workerEnds', 3],
        ['workerIs', 'dead'],
      ],
    },
    {
      title: 'keeps its node when the main thread closes',
      steps: [
        ['join'],
        ['worker', ['join'], ['hear', 'publish'], ['publish', 3], ['hear', 'end']],
        ['close'],
        ['workerIs', 'alive'],
        ['tell', 'publish'],
        ['tell', 'end'],
        ['workerEnds', 0],
        ['workerIs', 'dead'],
      ],
    },
    {
      title: 'can be the only thread that loads the package, and ends before the main thread',
      steps: [['worker', ['join'], ['publish', 3]], ['workerEnds', 0], ['workerIs', 'dead'], ['join']],
    },
    {
      title: 'dies with a process that exits while it runs',
      steps: [['join'], ['worker', ['join'], ['flood']], ['workerSays', 'flooding'], ['exit', 0]],
    },
    {
      title: 'dies with a process that is killed while it runs',
      steps: [['join'], ['worker', ['join'], ['flood']], ['workerSays', 'flooding'], ['die', 'SIGKILL']],
    },
  ]

  it.each(cases)('$title', async ({ steps }) => {
    const name = fleetName('thread')
    const child = start('steps.mjs', [name, steps])
    const nodes: number[] = []
    for (let said = await child.heard<number>(); said !== undefined; said = await child.heard<number>())
      nodes.push(said)
    const { code, signal } = await child.ended
    if (steps.at(-1)?.[0] === 'die') expect(signal).toBe('SIGKILL')
    else expect({ code, signal, stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(nodes.length).toBe(2)
    if (steps[0]?.[0] === 'join') expect(nodes).toEqual([0, 1])

    const observer = Fleet.observe(name)
    for (const node of new Set(nodes)) expect(observer.isDead(node)).toBe(true)
    observer.close()
    for (const node of new Set(nodes)) {
      using next = Fleet.joinShm(name, { node })
      expect(next.nodes().find((record) => record.node === node)?.alive).toBe(true)
      expect(next.nodes().find((record) => record.node === node)?.incarnation).toBeGreaterThan(1)
      expectOrdered(history(next), child.pid)
      next.publish(type, Buffer.from('after'))
    }
  })
})

describe("a member with lifetime 'fleet'", () => {
  const lastOut: { title: string; steps: Step[] }[] = [
    { title: 'closes', steps: [['publish'], ['close']] },
    { title: 'ends', steps: [['publish']] },
  ]
  it.each(lastOut)('removes the objects when the last member $title', async ({ steps }) => {
    const name = fleetName('last')
    const child = start('steps.mjs', [name, [['join', { size: 2, lifetime: 'fleet' }], ...steps]])
    expect(await child.next()).toBe(0)
    expect(await child.ended).toEqual({ code: 0, signal: null })
    expect(objectsOf(name)).toEqual([])
  })

  it('leaves the objects when it is not the last member or is killed', async () => {
    const name = fleetName('last')
    const steps = [['join', { size: 2, lifetime: 'fleet' }], ['publish']]
    using other = Fleet.joinShm(name, { size: 2 })
    expect(await start('steps.mjs', [name, steps]).ended).toEqual({ code: 0, signal: null })
    expect(objectsOf(name).length).toBe(2)
    other.close()
    const killed = start('steps.mjs', [name, [...steps, ['die', 'SIGKILL']]])
    expect(await killed.ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(objectsOf(name).length).toBe(2)
  })
})

describe.runIf(isLinux && !isSanitized)("two members with lifetime 'fleet' that leave at once", () => {
  /** Whether a process holds the membership lock, byte 0 of the fleet object. */
  const isLocked = (name: string) =>
    readFileSync('/proc/locks', 'utf8').includes(`:${statSync(objectPath(name, 'fleet')).ino} 0 0\n`)

  it('leaves nothing behind when both members leave at once', async () => {
    const name = fleetName('last')
    const join: Step = ['join', { size: 2, lifetime: 'fleet' }]
    const last = start('steps.mjs', [name, [join, ['told'], ['close']]])
    expect(await last.next()).toBe(0)
    // It has found that it is not the last member, and still has its lease.
    const env = { ORBIT_NATIVE_PATH: faultAddon(), ORBIT_FAULT: 'close:recorded', ORBIT_FAULT_SIGNAL: '19' }
    const first = start('steps.mjs', [name, [join, ['close']]], { env })
    expect(await first.next()).toBe(1)
    await first.stopped()
    last.tell('go on')
    while (!last.isOver && !isLocked(name)) await new Promise((resolve) => setImmediate(resolve))
    first.process.kill('SIGCONT')
    expect(await first.ended).toEqual({ code: 0, signal: null })
    expect(await last.ended).toEqual({ code: 0, signal: null })
    expect(objectsOf(name)).toEqual([])
  })
})

describe.runIf(isLinux)('a member with objects that were unlinked by another process', () => {
  it('writes nothing to the objects of a later fleet of the same name', async () => {
    const name = fleetName('unlinked')
    const late = orbitType({ name: 'late', kind: 8, capacity: 8, payloadBytes: 16 })
    using member = Fleet.joinShm(name, { lifetime: 'persistent', size: 2 })
    const sleeper = member.cursor(type)
    void sleeper.wait()
    for (const object of objectsOf(name)) rmSync(join(shmFolder, object))
    using namesake = Fleet.joinShm(name, { lifetime: 'persistent', size: 2 })
    void namesake.cursor(type).wait()
    const bell = statSync(bellPath(name, 0)).ino

    expect(() => member.publish(late, Buffer.from('now'))).toThrow(
      expect.objectContaining({ code: 'ERR_ORBIT_RETIRED' }),
    )
    expect(objectsOf(name)).not.toContain(objectName(name, 8))
    namesake.publish(late, Buffer.from('now'))
    member.publish(type, Buffer.from('now'))
    expect(await sleeper.wait()).toBe(true)
    member.close()
    expect(statSync(bellPath(name, 0)).ino).toBe(bell)
  })

  it('hangs no bell there', () => {
    const name = fleetName('unlinked')
    using member = Fleet.joinShm(name, { lifetime: 'persistent', size: 2 })
    member.head(type)
    for (const object of objectsOf(name)) rmSync(join(shmFolder, object))
    using namesake = Fleet.joinShm(name, { lifetime: 'persistent', size: 2 })
    void namesake.cursor(type).wait()
    const bell = statSync(bellPath(name, 0)).ino
    void member.cursor(type).wait()
    expect(statSync(bellPath(name, 0)).ino).toBe(bell)
  })
})

describe('a forked child', () => {
  it('has a node of its own, and does not keep the lease of a parent that was killed', async () => {
    const name = fleetName('fork')
    using observerFleet = Fleet.joinShm(name, { lifetime: 'persistent', size: 4, node: 3 })
    const parent = start('steps.mjs', [
      name,
      [['join'], ['fork', ['sayPid'], ['join'], ['publish'], ['say', 'published'], ['remain']], ['stay']],
    ])
    expect(await parent.next()).toBe(0)
    const childPid = await parent.next<number>()
    onTestFinished(() => {
      if (pidRuns(childPid)) process.kill(childPid, 'SIGKILL')
    })
    expect(await parent.next()).toBe(1)
    expect(await parent.next()).toBe('published')
    expect(observerFleet.nodes().map(({ node, pid, alive }) => ({ node, pid, alive }))).toEqual([
      { node: 0, pid: parent.pid, alive: true },
      { node: 1, pid: childPid, alive: true },
      { node: 3, pid: process.pid, alive: true },
    ])

    parent.process.kill('SIGKILL')
    await new Promise((resolve) => parent.process.once('exit', resolve))
    expect(observerFleet.isDead(0)).toBe(true)
    expect(observerFleet.isDead(1)).toBe(false)
    using next = Fleet.joinShm(name, { node: 0 })
    expect(next.nodes()[0]).toMatchObject({ node: 0, pid: process.pid, incarnation: 2 })

    process.kill(childPid, 'SIGKILL')
    // This process cannot wait for a grandchild; the time limit of the test is the watchdog.
    while (!observerFleet.isDead(1)) await new Promise((resolve) => setImmediate(resolve))
    await parent.ended
    expect(history(next)).toEqual([`${childPid}.0`])
  })
})

function pidRuns(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('copies of the package in one process', () => {
  it.each([{ memory: 'shared' }, { memory: 'process-local' }])(
    'work together on one $memory fleet: ESM, CommonJS and a copied dist',
    async ({ memory }) => {
      const dist = process.env['ORBIT_DIST'] ?? new URL('../../dist/index.js', import.meta.url).href
      const folder = mkdtempSync(join(tmpdir(), 'orbit-copies-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      cpSync(dirname(fileURLToPath(dist)), join(folder, 'dist'), { recursive: true })
      cpSync(join(root, 'package.json'), join(folder, 'package.json'))
      for (const beside of ['node_modules', 'build']) symlinkSync(join(root, beside), join(folder, beside))
      const child = start('copies.mjs', [
        fleetName('copies'),
        fileURLToPath(new URL('commonjs.cjs', dist)),
        join(folder, 'dist/index.js'),
        memory === 'shared',
      ])
      const said = await child.heard()
      expect({ said, ending: await child.ended, stderr: child.stderr }).toEqual({
        said: { frames: 2700 },
        ending: { code: 0, signal: null },
        stderr: '',
      })
    },
  )
})

describe('terminating worker threads', () => {
  it.each(['nodes', 'stats', 'joinClose', 'load'])(
    'ends the threads, not the process, when they are inside "%s"',
    async (what) => {
      const child = start('terminate.mjs', [what, 20, fleetName('terminate')])
      expect({ ending: await child.ended, stderr: child.stderr }).toEqual({
        ending: { code: 0, signal: null },
        stderr: '',
      })
    },
  )
})
