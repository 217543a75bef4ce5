// orbit logs: what killed processes logged last.
import { describe, expect, it } from 'vitest'
import { levelIn } from '../../src/cli/logtext.js'
import { FlightRecorder } from '../../src/index.js'
import { fleetName, joinShm } from '../help/fleets.js'
import { bytesOf, jsonOf, orbit } from '../help/orbit.js'
import { start } from '../help/processes.js'
import { Running } from '../help/running.js'
import { isLinux } from '../help/system.js'

async function linesOf(name: string, ...options: string[]) {
  const { code, stdout, stderr } = await orbit(['logs', name, '--json', ...options])
  expect(code, stderr).toBe(0)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => jsonOf('logs', line))
}

async function logger(name: string) {
  const child = start('logging.mjs', [name])
  await child.next()
  return child
}

describe.runIf(isLinux)('orbit logs', () => {
  it('shows the lines of a worker up to its SIGKILL, and changes no byte', async () => {
    const name = fleetName('logs')
    const [victim, survivor] = [await logger(name), await logger(name)]
    await victim.ask('log', 'info', { id: 17 }, 'begins')
    await survivor.ask('log', 'warn', {}, 'slow')
    victim.tell('logAndDie', 'error', 'the last words')
    expect(await victim.ended).toMatchObject({ signal: 'SIGKILL' })
    const before = bytesOf(name)
    const lines = await linesOf(name)
    expect(lines).toMatchObject([
      { node: 0, pid: victim.pid, level: 30, alive: false },
      { node: 1, pid: survivor.pid, level: 40, alive: true },
      { node: 0, pid: victim.pid, level: 50, alive: false },
    ])
    expect(JSON.parse(lines[2].text)).toMatchObject({ msg: 'the last words' })
    const { stdout } = await orbit(['logs', name])
    expect(stdout).toMatch(new RegExp(`^[\\d:.]+ node 0 pid ${victim.pid} dead  INFO   begins  {"id":17}$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^[\\d:.]+ node 1 pid ${survivor.pid}  WARN   slow$`, 'm'))
    expect(stdout).toMatch(/ dead {2}ERROR {2}the last words\n$/)
    expect(bytesOf(name)).toEqual(before)
  })

  it('tells the lines of a dead worker from those of its successor, which has the same node', async () => {
    const name = fleetName('logs')
    const victim = await logger(name)
    victim.tell('logAndDie', 'info', 'before')
    await victim.ended
    const successor = await logger(name)
    await successor.ask('log', 'info', {}, 'after')
    expect(await linesOf(name, '--dead')).toMatchObject([{ node: 0, pid: victim.pid, alive: false }])
    expect(await linesOf(name)).toMatchObject([{ pid: victim.pid }, { pid: successor.pid, node: 0, alive: true }])
  })

  it('filters by node and level, and keeps the last lines', async () => {
    const name = fleetName('logs')
    const [first, second] = [await logger(name), await logger(name)]
    await first.ask('log', 'debug', {}, 'd')
    await second.ask('log', 'info', {}, 'i')
    await first.ask('plain', '{"level":"warning","message":"w"}')
    await second.ask('plain', 'no level')
    await second.ask('log', 'fatal', {}, 'f')
    const levels = async (...options: string[]) => (await linesOf(name, ...options)).map(({ level }) => level)
    expect(await levels()).toEqual([20, 30, 40, null, 60])
    expect(await levels('--node', '1')).toEqual([30, null, 60])
    expect(await levels('--level', 'warn')).toEqual([40, 60])
    expect(await levels('--level', 'warn', '--node', '0')).toEqual([40])
    expect(await levels('--last', '2')).toEqual([null, 60])
    const refused = await orbit(['logs', name, '--level', 'loud'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('--level=loud must be one of trace, debug, info, warn, error, fatal')
  })

  it('follows the lines of members that come later', async () => {
    const name = fleetName('logs')
    const first = await logger(name)
    await first.ask('log', 'info', {}, 'early')
    const following = new Running(['logs', name, '--follow', '--json'])
    const next = async () => JSON.parse(jsonOf('logs', (await following.line()) as string).text).msg
    expect(await next()).toBe('early')
    await first.ask('log', 'info', {}, 'live')
    expect(await next()).toBe('live')
    const second = await logger(name)
    await second.ask('log', 'info', {}, 'of a new member')
    expect(await next()).toBe('of a new member')
    following.process.kill('SIGINT')
    expect(await following.ended).toBe(0)
  })

  it('escapes what a terminal could interpret, and shows a line that was cut', async () => {
    const name = fleetName('logs')
    const recorder = new FlightRecorder(joinShm(name, { size: 2 }), { capacity: 4, lineBytes: 32 })
    recorder.write('\u001b[31mred\nsecond line')
    recorder.write(`{"level":50,"msg":"${'x'.repeat(100)}"}`)
    const { stdout } = await orbit(['logs', name])
    expect(stdout).toContain('\\x1b[31mred\\nsecond line\n')
    expect(stdout).toMatch(/ERROR {2}\{"level":50,"msg":"x{13}\n$/)
    expect((await orbit(['dump', name, 'orbit.log:0'])).stdout).toContain('red')
  })

  it('says on stdout that there are no lines', async () => {
    const name = fleetName('logs')
    joinShm(name, { size: 2 })
    expect(await orbit(['logs', name])).toEqual({
      code: 0,
      stdout: `fleet ${name} has no such recorded lines\n`,
      stderr: '',
    })
    expect(await linesOf(name)).toEqual([])
  })
})

describe('levelIn', () => {
  const line = { node: 0, position: 0, pid: 1, incarnation: 1, timeMs: 0, monotonicMs: 0, level: 0 }

  it.each([
    ['{"level":30,"msg":""}', 30],
    ['{"time":1,"level": "WARN"}', 40],
    ['{"level":"crit"}', 60],
    ['{"level":"constructor"}', 0],
    ['{"level":12345}', 0],
    ['level 30', 0],
    [`${' '.repeat(300)}{"level":30}`, 0],
  ])('of %s is %i', (text, level) => expect(levelIn({ ...line, text })).toBe(level))
})
