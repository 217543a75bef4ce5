import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Ledger } from '../../demo/ledger.js'
import { parseOptions } from '../../demo/options.js'
import { brokenPromises, namesInShm, type Totals } from '../../demo/totals.js'
import { type Event, eventPod, RequestEvent, seal } from '../../demo/types.js'
import { Fleet } from '../../src/index.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Starts the demo like `npm run demo`, and kills it after the test. */
function startDemo(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'demo/main.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, output: text(child.stdout), errors: text(child.stderr), ended: once(child, 'close') }
}

describe('npm run demo', () => {
  it('keeps its promises and prints its totals as one JSON document', async () => {
    const { output, errors, ended } = startDemo('--seconds', '4', '--json')
    const [code] = await ended
    expect(code, await errors).toBe(0)
    const totals = JSON.parse(await output) as Totals & { broken: string[] }
    expect(totals.broken).toEqual([])
    expect(totals).toMatchObject({
      workers: 4,
      lost: 0,
      torn: 0,
      repeated: 0,
      overrun: 0,
      unaccounted: 0,
      left: [],
    })
    expect(totals.requests).toBeGreaterThan(0)
    expect(totals.frames).toBeGreaterThan(totals.requests)
    expect(totals.bus).toMatchObject({ staleRuns: 0, lost: 0 })
    expect(totals.election).toMatchObject({ from: totals.death.node })
    expect(totals.death.seenAfterMs).not.toBeNull()
    expect(totals.takeOver).toMatchObject({ node: totals.death.node, incarnation: totals.death.incarnation + 1 })
    expect(totals.takeOver?.pid).not.toBe(totals.death.pid)
    expect(totals.takeOver?.predecessors).toBeGreaterThan(0)
    expect(totals.takeOver?.counted).toBeGreaterThan(0)
    expect(totals.takeOver?.exported).toBeGreaterThan(0)
    expect(namesInShm(totals.fleet)).toEqual([])
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const { child, output, ended } = startDemo('--seconds', '10')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const name = /fleet (demo-\S+):/.exec(String(line))?.[1] as string
    expect(namesInShm(name)).not.toEqual([])
    child.kill('SIGINT')
    const [code] = await ended
    expect(code).toBe(130)
    expect(await output).toContain('interrupted')
    expect(namesInShm(name)).toEqual([])
  })

  it('rejects an unknown option and prints its usage', async () => {
    const { errors, ended } = startDemo('--fast')
    expect((await ended)[0]).toBe(2)
    expect(await errors).toMatch(/--fast[\s\S]*usage:/)
  })
})

describe('its options', () => {
  it('runs for 9 seconds by default', () => {
    expect(parseOptions([])).toEqual({ seconds: 9, json: false, help: false })
    expect(parseOptions(['--seconds', '18', '--json'])).toEqual({ seconds: 18, json: true, help: false })
  })

  it.each([['--seconds', '2'], ['--seconds', '19'], ['--seconds', '4.5'], ['--seconds'], ['more']])(
    'rejects the arguments %s %s',
    (...args) => {
      expect(parseOptions(args)).toHaveProperty('refused')
    },
  )
})

const kept: Totals = {
  fleet: 'demo-1-x',
  seconds: 9,
  workers: 4,
  requests: 100,
  sent: 101,
  answered: 99,
  failed: 2,
  frames: 900,
  framesPerSecond: 100,
  lost: 0,
  torn: 0,
  repeated: 0,
  overrun: 0,
  malformed: 0,
  unaccounted: 0,
  counted: 99,
  exports: { limit: 20, taken: 20, allowed: 19 },
  bus: { requests: 99, rendered: 5, runs: 8, staleRuns: 0, lost: 0 },
  election: { from: 3, to: 2, tokens: [1, 2], tookMs: 400 },
  death: { node: 3, pid: 7, incarnation: 1, seenAfterMs: 0.4 },
  takeOver: {
    node: 3,
    pid: 8,
    incarnation: 2,
    history: 50,
    predecessors: 12,
    published: 12,
    counted: 60,
    exported: 20,
  },
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
    expect(brokenPromises({ ...kept, requests: 0, answered: 0 })).toContain('no request was served')
  })

  it.each<[string, Partial<Totals>]>([
    ['100 requests have a frame, 98 are counted', { counted: 98 }],
    ['21 exports were allowed, over the limit of 20', { exports: { limit: 20, taken: 21, allowed: 21 } }],
    ['19 of 20 exports were allowed in 100 requests', { exports: { limit: 20, taken: 19, allowed: 19 } }],
    ['20 exports were allowed, 21 are counted', { exports: { limit: 20, taken: 20, allowed: 21 } }],
    ['3 of 4 workers started', { workers: 3 }],
    ['2 frames were lost', { lost: 2 }],
    ['1 frames were torn', { torn: 1 }],
    ['1 frames came twice or out of order', { repeated: 1 }],
    ['5 frames were overwritten before they were read', { overrun: 5 }],
    ['1 frames could not be read', { malformed: 1 }],
    ["1 positions are missing from every poll's account", { unaccounted: 1 }],
    ['clients got 101 answers, but only 100 requests have a frame', { answered: 101 }],
    ['7 events were lost', { bus: { ...kept.bus, lost: 7 } }],
    ['100 requests have a frame, 98 an event', { bus: { ...kept.bus, requests: 98 } }],
    ['the page was rendered 0 times', { bus: { ...kept.bus, rendered: 0 } }],
    ['the job ran 1 times with a token older than that of an earlier run', { bus: { ...kept.bus, staleRuns: 1 } }],
    ['no worker was elected in place of node 3', { election: null }],
    ['the death of pid 7 on node 3 was not seen', { death: { ...kept.death, seenAfterMs: null } }],
    ['no new worker took node 3', { takeOver: null }],
    ["the new worker took node 4 instead of the dead worker's node 3", takeOver({ node: 4 })],
    ['the new worker is incarnation 1 after 1 on node 3', takeOver({ incarnation: 1 })],
    ['the new worker found 11 frames of its predecessor, which had published 12', takeOver({ predecessors: 11 })],
    ['http worker 9 on node 2 ended with 1', { unexpected: ['http worker 9 on node 2 ended with 1'] }],
    ['the fleet had no object in shared memory', { objects: 0 }],
    ['left in shared memory: orbit-demo-1-x-1-0', { left: ['orbit-demo-1-x-1-0'] }],
  ])('reports that %s', (line, change) => {
    expect(brokenPromises({ ...kept, ...change })).toEqual([line])
  })
})

describe('its ledger', () => {
  const event = (sequence: number, change: Partial<Event> = {}): Event => ({
    ...seal({ node: 0, status: 200, incarnation: 1, sequence, durationUs: 5 }),
    ...change,
  })

  /** The ledger of these events, which node 0 of a process-local fleet has published. */
  function account(...events: Event[]): Ledger {
    using fleet = Fleet.join(`demo.ledger.${process.pid}`, { size: 1 })
    const cursor = fleet.cursor(RequestEvent)
    for (const each of events) fleet.publish(RequestEvent, eventPod.encode(each))
    const ledger = new Ledger()
    ledger.take(cursor.poll())
    return ledger
  }

  it('finds nothing wrong with whole frames in order', () => {
    const ledger = account(event(1), event(2), seal({ ...event(1), incarnation: 2 }))
    expect(ledger).toMatchObject({ frames: 3, lost: 0, torn: 0, repeated: 0, overrun: 0, unaccounted: 0 })
    expect([ledger.count(0, 1), ledger.count(0, 2), ledger.countBefore(0, 2)]).toEqual([2, 1, 2])
  })

  it('counts the gaps in a sequence as lost', () => {
    expect(account(event(1), event(4), event(6))).toMatchObject({ frames: 3, lost: 3, torn: 0 })
  })

  it('counts a repeated sequence number', () => {
    expect(account(event(1), event(2), event(1))).toMatchObject({ frames: 3, lost: 0, repeated: 1 })
  })

  it.each<[string, Event]>([
    ['a field that its checksum does not cover', event(2, { durationUs: 6 })],
    ['another node than its publisher', seal({ ...event(2), node: 1 })],
  ])('counts a frame with %s as torn', (_, torn) => {
    expect(account(event(1), torn)).toMatchObject({ frames: 2, torn: 1 })
  })

  it('adds up the losses of a poll', () => {
    const ledger = new Ledger()
    ledger.take({ frames: [], lost: 7, malformed: 1, from: 0, to: 10 })
    expect(ledger).toMatchObject({ overrun: 7, malformed: 1, unaccounted: 2 })
  })
})
