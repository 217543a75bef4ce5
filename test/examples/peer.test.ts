// The peer in C, beside a live fleet of Node. It is built twice: by make with the static library, and by cmake with the
// shared one.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { errorCodes } from '../../src/base/errors.js'
import { Counters, type Fleet, orbitType } from '../../src/index.js'
import { blocksOf } from '../help/documents.js'
import { fleetName, joinShm } from '../help/fleets.js'
import { Child, deathSignal } from '../help/processes.js'
import { canRun, isLinux, root } from '../help/system.js'

const buildMs = 600_000 // a watchdog
const geometry = { capacity: 64, payloadBytes: 64 }
const questions = orbitType({ name: 'questions', ...geometry })
const answers = orbitType({ name: 'answers', ...geometry })
const native = join(root, 'native')
const folder = mkdtempSync(join(tmpdir(), 'orbit-peer-'))
const peerPath = join(folder, 'peer')

function runs(command: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  expect(status, `${command} ${args.join(' ')}\n${stdout}${stderr}`).toBe(0)
}

/** Compiles the peer as plain C. */
function compile(to: string, include: string, libraries: string[]): void {
  const strict = ['-std=c99', '-D_POSIX_C_SOURCE=200809L', '-Wall', '-Wextra', '-Wpedantic', '-Werror']
  runs('gcc', [...strict, `-I${include}`, join(root, 'examples/peer.c'), ...libraries, '-o', to])
}

function start(path: string, ...args: string[]): Child {
  const [command, ...rest] = [...deathSignal, path, ...args]
  const child = new Child(command as string, rest, {})
  onTestFinished(async () => {
    if (!child.isOver) await child.kill()
  })
  return child
}

const ask = (fleet: Fleet, ...texts: string[]) => {
  for (const text of texts) fleet.publish(questions, Buffer.from(text))
}

/** The next `count` answers. */
async function heard(fleet: Fleet, count: number): Promise<string[]> {
  const cursor = fleet.cursor(answers, 'start')
  const texts: string[] = []
  while (texts.length < count) {
    await cursor.wait()
    texts.push(...[...cursor.poll().frames].map(({ payload }) => Buffer.from(payload).toString()))
  }
  return texts
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.runIf(isLinux)('peer.c', () => {
  beforeAll(() => {
    runs('make', ['-C', native, '-j2', 'c'])
    compile(peerPath, join(native, 'c'), [join(native, 'build/c/liborbit.a'), '-lstdc++', '-lpthread'])
  }, buildMs)

  it('answers records that Node published before it joined, and while it sleeps', async () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    ask(fleet, 'before')
    const peer = start(peerPath, fleet.name)
    expect(await peer.next()).toEqual({ node: 1, position: 0 })
    expect(await heard(fleet, 1)).toEqual(['BEFORE'])
    for (let i = 0; i < 20; i++) ask(fleet, `while ${i}`)
    expect((await heard(fleet, 21)).slice(-2)).toEqual(['WHILE 18', 'WHILE 19'])
    expect(
      fleet
        .cursor(answers, 'start')
        .poll()
        .frames.map(({ version }) => version),
    ).toEqual([...Array(21).keys()])
  })

  it('is woken by its bell', async () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    const peer = start(peerPath, fleet.name)
    await peer.next()
    // No wake-up is missed, so each question finds the peer awake or wakes it.
    for (let i = 0; i < 50; i++) {
      ask(fleet, `${i}`)
      expect((await heard(fleet, i + 1)).at(-1)).toBe(`${i}`)
    }
    expect(fleet.stats(questions)?.missedWakes).toBe(0)
  })

  it('adds to a counter that Node reads, and Node to one that it adds to', async () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    const answered = new Counters(fleet).counter('answered')
    answered.add(100)
    const peer = start(peerPath, fleet.name, '3')
    ask(fleet, 'a', 'b', 'c')
    expect(await peer.ended).toEqual({ code: 0, signal: null })
    expect(answered.get()).toBe(103)
    expect(fleet.nodes().map(({ node }) => node)).toEqual([fleet.node])
  })

  it('is a member with its label, and dead after SIGKILL', async () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    const peer = start(peerPath, fleet.name)
    const { node } = await peer.next<{ node: number }>()
    const record = () => fleet.nodes().find((each) => each.node === node)
    expect(record()).toMatchObject({ label: 'peer.c', pid: peer.pid, alive: true })
    expect(fleet.isDead(node)).toBe(false)
    await peer.kill()
    expect(fleet.isDead(node)).toBe(true)
    expect(record()).toMatchObject({ alive: false })
    // The next peer takes its node, and settles what it left.
    const next = start(peerPath, fleet.name)
    expect(await next.next()).toMatchObject({ node })
    ask(fleet, 'again')
    expect((await heard(fleet, 1)).at(-1)).toBe('AGAIN')
  })

  it('ends with code 1 and the reason for a ring of another type, and with 2 for wrong arguments', async () => {
    const fleet = joinShm(fleetName(), { size: 4 })
    fleet.publish(orbitType({ name: 'questions', capacity: 8, payloadBytes: 64 }), Buffer.from('x'))
    const refused = start(peerPath, fleet.name)
    expect(await refused.ended).toEqual({ code: 1, signal: null })
    expect(refused.stderr).toMatch(/^peer: ERR_ORBIT_TYPE_MISMATCH: .*capacity=64 was asked for/)
    for (const args of [[], [fleet.name, '0'], [fleet.name, '1', '2']]) {
      expect((await start(peerPath, ...args).ended).code, args.join(' ')).toBe(2)
    }
  })
})

describe.runIf(isLinux)('native/c/CMakeLists.txt', () => {
  it(
    'builds and installs a shared library that peer.c runs with',
    async (context) => {
      if (!canRun('cmake', '--version')) {
        expect(process.env['CI'], 'cmake is missing, and must not be in CI').toBeUndefined()
        context.skip('needs cmake')
      }
      const [build, prefix] = [join(folder, 'build'), join(folder, 'installed')]
      runs('cmake', ['-S', join(native, 'c'), '-B', build, '-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_INSTALL_LIBDIR=lib'])
      runs('cmake', ['--build', build, '-j2'])
      runs('cmake', ['--install', build, '--prefix', prefix])
      const path = join(folder, 'peer-shared')
      compile(path, join(prefix, 'include'), [`-L${prefix}/lib`, `-Wl,-rpath,${prefix}/lib`, '-l:liborbit.so'])
      const fleet = joinShm(fleetName(), { size: 4 })
      const peer = start(path, fleet.name, '1')
      ask(fleet, 'shared')
      expect(await peer.ended).toEqual({ code: 0, signal: null })
      expect(await heard(fleet, 1)).toEqual(['SHARED'])
    },
    buildMs,
  )
})

describe('orbit.h', () => {
  it('compiles the program of docs/guide/other-languages.md', () => {
    const program = blocksOf('docs/guide/other-languages.md').find(({ text }) => text.includes('#include <orbit.h>'))
    const { status, stderr } = spawnSync(
      'gcc',
      ['-std=c99', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', `-I${join(native, 'c')}`, '-x', 'c', '-'],
      { input: program?.text, encoding: 'utf8' },
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('has a status only for codes of orbit-node', () => {
    const text = readFileSync(join(native, 'c/orbit.h'), 'utf8')
    const statuses = [...text.matchAll(/ORBIT_(\w+) = -\d+,?\s*\/\* (ERR_ORBIT_\w+)/g)]
    expect(statuses).toHaveLength(18)
    for (const [, status, code] of statuses) {
      expect(code).toBe(`ERR_ORBIT_${status}`)
      expect(Object.keys(errorCodes)).toContain(code)
    }
  })
})
