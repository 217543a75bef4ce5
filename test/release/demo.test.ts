// orbit demo, which npm run demo runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checksumOf, Step, type StepValue } from '../../src/cli/demo/contract.js'
import { Ledger } from '../../src/cli/demo/ledger.js'
import { brokenPromises, type Totals } from '../../src/cli/demo/totals.js'
import { Fleet } from '../../src/index.js'
import { fleetName, shmFolder } from '../help/fleets.js'
import { cliPath, jsonOf, orbit } from '../help/orbit.js'
import { isLinux } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

const namesInShm = (fleet: string): string[] =>
  readdirSync(shmFolder).filter((name) => name.startsWith(`orbit-${fleet}-`))

/** The processes of a demo: itself and its children. */
const processesOf = (pid: number): number[] => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...children.split(' ').filter(Boolean).map(Number)]
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Starts the demo, and kills it after the test. */
function startDemo(...args: string[]) {
  const child = spawn(process.execPath, [cliPath, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = text(child.stdout).catch(() => '') // a test may close it
  return { child, output, errors: text(child.stderr), ended: once(child, 'close') }
}

describe.runIf(isLinux)('orbit demo', () => {
  it('keeps its promises, and prints its totals as one JSON document', async () => {
    const { child, output, errors, ended } = startDemo('--seconds', '3', '--json')
    const [code] = await ended
    expect(code, await errors).toBe(0)
    const totals: Totals & { broken: string[] } = jsonOf('demo', await output)
    expect(totals.broken).toEqual([])
    expect(totals).toMatchObject({ workers: 4, lost: 0, torn: 0, repeated: 0, unread: 0, unaccounted: 0, left: [] })
    expect(totals.frames).toBeGreaterThan(totals.requests)
    expect(totals.election?.to).not.toBe(totals.death.node)
    expect(totals.takeOver?.incarnation).toBe(totals.death.incarnation + 1)
    expect(totals.takeOver?.predecessors).toBeGreaterThan(0)
    expect(totals.takeOver?.counted).toBeGreaterThan(0)
    expect(namesInShm(totals.fleet)).toEqual([])
    expect(isRunning(child.pid as number)).toBe(false)
  })

  it('leaves no object and no process behind on Ctrl-C', async () => {
    const { child, errors, ended } = startDemo('--seconds', '18')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const name = /fleet (demo-\S+):/.exec(String(line))?.[1] as string
    expect(namesInShm(name)).not.toEqual([])
    const processes = processesOf(child.pid as number)
    expect(processes).toHaveLength(6)
    child.kill('SIGINT')
    const [code] = await ended
    expect([code, await errors]).toEqual([0, expect.stringMatching(/^orbit: ended early/)])
    expect(namesInShm(name)).toEqual([])
    expect(processes.filter(isRunning)).toEqual([])
  })

  it('ends, and leaves nothing behind, when the reader of its output ends', async () => {
    const { child, ended } = startDemo('--seconds', '18')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const name = /fleet (demo-\S+):/.exec(String(line))?.[1] as string
    child.stdout.destroy()
    await ended
    expect(namesInShm(name)).toEqual([])
  })

  it('shows orbit top of its fleet on a terminal, below what happens, and ends on q', async (context) => {
    terminalOrSkip(context)
    const line = `'${process.execPath}' '${cliPath}' demo --seconds 18; echo "ended with $?"`
    const terminal = new Terminal(line, { columns: 120, rows: 40 })
    const screen = await terminal.shows(/^ +\d\.\d s +fleet demo-[\s\S]*^orbit top[\s\S]*http worker +alive/m)
    expect(screen).toMatch(/4 cluster workers and their clients start/)
    const [, name = ''] = /fleet (demo-\S+):/.exec(screen) ?? []
    terminal.press('q')
    expect(await terminal.shows(/ended with 0/)).toContain('ended early')
    expect(terminal.state()).toEqual({ isAlternate: false, hasCursor: true })
    expect(namesInShm(name)).toEqual([])
  })

  it('rejects a run that is too short or too long', async () => {
    for (const seconds of ['2', '19'])
      expect(await orbit(['demo', '--seconds', seconds])).toMatchObject({ code: 2, stdout: '' })
  })
})

const kept: Totals = {
  fleet: 'demo-1-x',
  seconds: 9,
  workers: 4,
  requests: 100,
  clients: { sent: 101, answered: 99, failed: 2 },
  frames: 900,
  framesPerSecond: 100,
  lost: 0,
  torn: 0,
  repeated: 0,
  unread: 0,
  unaccounted: 0,
  counted: 99,
  exports: { limit: 20, taken: 20, allowed: 19 },
  bus: { served: 99, rendered: 5, runs: 8, staleRuns: 0, lost: 0 },
  election: { to: 2, tokens: [1, 2], tookMs: 400 },
  death: { node: 3, pid: 7, incarnation: 1, seenAfterMs: 0.4 },
  takeOver: { pid: 8, incarnation: 2, history: 50, predecessors: 12, published: 12, counted: 60, exported: 20 },
  unexpected: [],
  objects: 5,
  left: [],
}

/** A change of the part of `kept` that the new worker fills. */
const takeOver = (change: Partial<NonNullable<Totals['takeOver']>>): Partial<Totals> => ({
  takeOver: { ...(kept.takeOver as NonNullable<Totals['takeOver']>), ...change },
})

describe('its promises', () => {
  it('reports no broken promise for good totals', () => {
    expect(brokenPromises(kept)).toEqual([])
  })

  it('reports a run without requests', () => {
    const clients = { ...kept.clients, answered: 0 }
    expect(brokenPromises({ ...kept, requests: 0, clients })).toContain('no request was served')
  })

  it.each<[string, Partial<Totals>]>([
    ['3 of 4 workers started', { workers: 3 }],
    ['2 frames were lost', { lost: 2 }],
    ['1 frames were torn', { torn: 1 }],
    ['1 frames were repeated', { repeated: 1 }],
    ['5 frames were unread', { unread: 5 }],
    ['1 frames were unaccounted', { unaccounted: 1 }],
    ['clients got 101 answers, but only 100 requests have frames', { clients: { ...kept.clients, answered: 101 } }],
    ['7 events were lost', { bus: { ...kept.bus, lost: 7 } }],
    ['100 requests have frames, 98 an event', { bus: { ...kept.bus, served: 98 } }],
    ['the page was rendered 0 times', { bus: { ...kept.bus, rendered: 0 } }],
    ['the job ran 1 times with a token older than that of an earlier run', { bus: { ...kept.bus, staleRuns: 1 } }],
    ['100 requests have frames, 98 are counted', { counted: 98 }],
    ['21 of 20 exports were allowed', { exports: { limit: 20, taken: 21, allowed: 21 } }],
    ['19 of 20 exports were allowed', { exports: { limit: 20, taken: 19, allowed: 19 } }],
    ['20 exports were allowed, 21 are counted', { exports: { limit: 20, taken: 20, allowed: 21 } }],
    ['no worker was elected in place of node 3', { election: null }],
    ['the death of pid 7 on node 3 was not seen', { death: { ...kept.death, seenAfterMs: null } }],
    ['no new worker took over node 3', { takeOver: null }],
    ['no new worker took over node 3', takeOver({ incarnation: 1 })],
    ['the new worker found 11 frames of its predecessor, which had published 12', takeOver({ predecessors: 11 })],
    ['the process of node 2 ended with 1', { unexpected: ['the process of node 2 ended with 1'] }],
    ['the fleet had no object in shared memory', { objects: 0 }],
    ['left in shared memory: orbit-demo-1-x-1-0', { left: ['orbit-demo-1-x-1-0'] }],
  ])('reports that %s', (line, change) => {
    expect(brokenPromises({ ...kept, ...change })).toEqual([line])
  })
})

describe('its ledger', () => {
  /** A step of node 0 with its checksum. */
  const step = (sequence: number, change: Partial<StepValue> = {}): StepValue => {
    const fields = { incarnation: 1, sequence, durationUs: 5, ...change }
    return { checksum: checksumOf(0, fields), ...fields }
  }

  /** The ledger of these steps, which node 0 of a process-local fleet has published. */
  function account(...steps: StepValue[]): Ledger {
    using fleet = Fleet.join(fleetName('ledger'), { size: 1 })
    const cursor = fleet.cursor(Step)
    for (const each of steps) fleet.publish(Step, each)
    const ledger = new Ledger()
    ledger.take(cursor.poll())
    return ledger
  }

  it('finds nothing wrong with whole frames in order, and counts the requests that they complete', () => {
    const eight = Array.from({ length: 8 }, (_, i) => step(i + 1))
    const ledger = account(...eight, step(1, { incarnation: 2 }))
    expect(ledger).toMatchObject({ frames: 9, requests: 1, skipped: 0, repeated: 0, torn: 0, unaccounted: 0 })
    expect([ledger.count(0, 1), ledger.count(0, 2), ledger.count(1, 1)]).toEqual([8, 1, 0])
  })

  it('counts the gaps in a sequence as skipped', () => {
    expect(account(step(1), step(4), step(6))).toMatchObject({ frames: 3, skipped: 3, torn: 0 })
  })

  it('counts a repeated sequence number', () => {
    expect(account(step(1), step(2), step(1))).toMatchObject({ frames: 3, skipped: 0, repeated: 1 })
  })

  it.each<[string, StepValue]>([
    ['a field that its checksum does not cover', { ...step(2), durationUs: 6 }],
    ['the checksum of another node', { ...step(2), checksum: checksumOf(1, step(2)) }],
  ])('counts a frame with %s as torn', (_, torn) => {
    expect(account(step(1), torn)).toMatchObject({ frames: 2, torn: 1 })
  })

  it('adds up the losses of a poll', () => {
    const ledger = new Ledger()
    ledger.take({ frames: [], lost: 7, malformed: 1, from: 0, to: 10 })
    expect(ledger).toMatchObject({ unread: 8, unaccounted: 2 })
  })
})
