// Every command, on a fleet that lives, on one of which all members were killed, and on one with a damaged object.
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.js'
import { ObjectFile, objectAt } from '../help/bytes.js'
import { fleetName, objectPath, objectsOf } from '../help/fleets.js'
import { bytesOf, jsonOf, type Outcome, orbit, showcase } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { isLinux } from '../help/system.js'

/** A command, its JSON, and how it ends. */
interface Row {
  readonly args: readonly string[]
  /** The schema of its JSON. */
  readonly schema: string
  /** Exit codes on a live, a dead and a damaged fleet. */
  readonly codes: readonly [live: number, dead: number, damaged: number]
  /** It goes on until Ctrl-C. */
  readonly isEndless?: boolean
}

const reads = (name: string): Row[] => [
  { args: ['ls'], schema: 'ls', codes: [0, 0, 0] },
  { args: ['stat', name, '--rate-ms', '0'], schema: 'stat', codes: [0, 0, 4] },
  { args: ['nodes', name], schema: 'nodes', codes: [0, 0, 4] },
  { args: ['dump', name, '7'], schema: 'dump', codes: [0, 0, 4] },
  { args: ['tail', name, '--from', 'start', '--limit', '1'], schema: 'tail', codes: [0, 0, 4] },
  { args: ['logs', name], schema: 'logs', codes: [0, 0, 4] },
  { args: ['cache', name], schema: 'cache', codes: [0, 0, 4] },
  { args: ['store', name, '--rate-ms', '0'], schema: 'store', codes: [0, 0, 4] },
  { args: ['claims', name], schema: 'claims', codes: [0, 0, 4] },
  { args: ['counters', name], schema: 'counters', codes: [0, 0, 4] },
  { args: ['presence', name], schema: 'presence', codes: [0, 0, 4] },
  { args: ['limits', name], schema: 'limits', codes: [0, 0, 4] },
  { args: ['top', name, '--limit', '1'], schema: 'top', codes: [0, 0, 4] },
  { args: ['doctor', name], schema: 'doctor', codes: [0, 0, 1] },
  { args: ['web', name, '--port', '0'], schema: 'web', codes: [0, 0, 4], isEndless: true },
  { args: ['serve-metrics', name, '--port', '0'], schema: 'serve-metrics', codes: [0, 0, 4], isEndless: true },
]

/** In this order: each finds what those before have left. */
const writes = (name: string): Row[] => [
  // There are no actors and no bridge in these fleets: test/cli/actors.test.ts and packages/bridge have some.
  { args: ['actors', name], schema: 'actors', codes: [0, 0, 4] },
  { args: ['stuck', name], schema: 'stuck', codes: [0, 0, 4] },
  { args: ['hosts', name], schema: 'hosts', codes: [1, 1, 4] },
  { args: ['pub', name, 'late'], schema: 'pub', codes: [0, 0, 4] },
  { args: ['sub', name], schema: 'tail', codes: [0, 0, 4], isEndless: true },
  // No process serves here: test/cli/calls.test.ts has services.
  { args: ['call', name, 'math.add'], schema: 'call', codes: [3, 3, 4] },
  { args: ['set', name, 'jobs.done', '3'], schema: 'counter-change', codes: [0, 0, 4] },
  { args: ['add', name, 'jobs.done'], schema: 'counter-change', codes: [0, 0, 4] },
  {
    args: ['cache', name, '--delete', '17', '--namespace', 'users', '--yes'],
    schema: 'cache-change',
    codes: [0, 0, 4],
  },
  { args: ['store', name, '--reset', '', '--yes'], schema: 'store-change', codes: [0, 0, 4] },
  // Its holder runs; then it is dead, and so is its claim.
  { args: ['release', name, 'leader', '--kind', '3', '--yes'], schema: 'release', codes: [1, 3, 4] },
  { args: ['gc', name], schema: 'gc', codes: [0, 0, 1] },
  { args: ['rm', name], schema: 'rm', codes: [1, 3, 4] },
]

/** Runs a command to its end, or until it has begun and Ctrl-C ends it. */
async function runs({ args, isEndless }: Row, isRefused: boolean): Promise<Outcome> {
  if (isEndless !== true || isRefused) return orbit([...args, '--json'])
  const isSilent = args[0] === 'sub' // it has no event to print, and says only without --json what it waits for
  const running = new Running(isSilent ? args : [...args, '--json'])
  if (isSilent) await running.remarks('waiting for events')
  const stdout = isSilent ? '' : ((await running.line()) as string)
  running.process.kill('SIGINT')
  return { code: await running.ended, stdout, stderr: running.stderr }
}

async function check(row: Row, state: 0 | 1 | 2): Promise<void> {
  const code = row.codes[state]
  const outcome = await runs(row, code !== 0)
  expect(outcome.code, `${row.args.join(' ')}: ${outcome.stderr}`).toBe(code)
  expect(outcome.stderr, 'no stack').not.toContain('    at ')
  if (outcome.stdout !== '') jsonOf(row.schema, outcome.stdout)
  else if (code !== 0) expect(jsonOf('error', outcome.stderr).error.exitCode).toBe(code)
}

/** Runs the commands four at a time. */
async function checkAll(rows: readonly Row[], state: 0 | 1 | 2): Promise<void> {
  const left = [...rows]
  const work = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) await check(row, state)
  }
  await Promise.all([work(), work(), work(), work()])
}

describe.runIf(isLinux)('every command', () => {
  it('is in this table, but for the demo, which has a fleet of its own', () => {
    const names = new Set([...reads('x'), ...writes('x')].map(({ args }) => args[0]))
    expect(names).toEqual(new Set(commands.flatMap(({ name }) => (name === 'demo' ? [] : name))))
  })

  it.each([
    ['a live', 0],
    ['a dead', 1],
    ['a damaged', 2],
  ] as const)(
    'ends with its exit code on %s fleet, and changes no byte if it only reads',
    async (_, state) => {
      const name = fleetName('states')
      const child = await showcase(name, { hasMore: true })
      if (state > 0) await child.kill()
      if (state === 2) {
        using file = new ObjectFile(objectPath(name, 'fleet'))
        file.setU64(objectAt.magic, 7n)
      }
      const before = bytesOf(name)
      await checkAll(reads(name), state)
      expect(bytesOf(name)).toEqual(before)
      for (const row of writes(name)) await check(row, state)
      if (state === 2) expect(bytesOf(name)).toEqual(before)
      else expect(objectsOf(name).length > 0).toBe(state === 0)
    },
    240_000,
  )

  it('that joins refuses a fleet that ended with its last member, which joining would make anew', async () => {
    const name = fleetName('states')
    const child = await showcase(name, { hasMore: true, join: { lifetime: 'fleet' } })
    await child.kill()
    const before = bytesOf(name)
    const joining = writes(name).filter(({ args: [command = ''] }) => !['gc', 'rm'].includes(command))
    await Promise.all(joining.map(async (row) => expect(await orbit(row.args), row.args[0]).toMatchObject({ code: 3 })))
    expect(bytesOf(name)).toEqual(before)
  })
})
