// orbit top on real terminals of several sizes.
import { describe, expect, it } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { bytesOf, cliPath, showcase } from '../help/orbit.js'
import { isLinux } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

const topOf = (name: string, options = '--interval-ms 50'): string =>
  `'${process.execPath}' '${cliPath}' top ${name} ${options}`

describe.runIf(isLinux)('orbit top', () => {
  it('shows the fleet, its members and its rings, and changes no byte', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    const child = await showcase(name)
    const before = bytesOf(name)
    const terminal = new Terminal(`echo before; ${topOf(name)}; echo "ended with $?"`, { columns: 200, rows: 50 })
    const screen = await terminal.shows(/ \d+ % /) // after two samples
    expect(terminal.state()).toEqual({ isAlternate: true, hasCursor: false })
    expect(screen).toMatch(new RegExp(`^orbit top  \\d\\d:\\d\\d:\\d\\d  ${name}: 1 fleet, 1 member, 5 rings by rate`))
    expect(screen).toMatch(/ FLEET +ALIVE +DEAD +STALE +CLAIMS +COUNTERS +LIMITED +OLDEST BEAT +LOOP LAG +PROBLEMS/)
    expect(screen).toMatch(new RegExp(` ${child.pid}  worker .x1b.31m0 +alive +\\S+ ms +\\d+ % +\\d+.* MiB .*queue 4`))
    expect(screen).toMatch(/ 222 +orbit\.contest/)
    expect(screen).not.toContain('hidden')
    expect(bytesOf(name)).toEqual(before)
    terminal.press('q')
    expect(await terminal.shows(/ended with 0/)).toMatch(/^before\n/)
    expect(terminal.state()).toEqual({ isAlternate: false, hasCursor: true })
  })

  it.for([
    [60, 20],
    [100, 9],
    [200, 50],
  ] as const)(
    'fits on %i columns and %i rows, before and after a change of the size',
    async ([columns, rows], context) => {
      terminalOrSkip(context)
      const name = fleetName('top')
      await showcase(name)
      const terminal = new Terminal(topOf(name), { columns, rows })
      const lines = (await terminal.shows(/ q quit/)).split('\n')
      expect(lines[0]).toMatch(/^orbit top/)
      expect(lines.filter((line) => line.length > columns)).toEqual([])
      if (rows === 9) expect(lines[8]).toMatch(/^3 rings hidden {2}\? keys/)
      if (columns === 60) expect(lines.join('\n')).toMatch(/orbit\.contest/)
      terminal.resize(70, 12)
      await terminal.shows(/^orbit top.*\n(.*\n){10}(\d+ rings? hidden {2})?\? keys/)
      terminal.press('q')
    },
  )

  it('drills down to the events of a bus, to the claims of a member, and back', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    const child = await showcase(name)
    const terminal = new Terminal(topOf(''), { columns: 120, rows: 30 })
    await terminal.shows(/ q quit/) // other tests may have more fleets than the screen has rows
    terminal.press('/')
    terminal.type(name)
    terminal.press('Enter')
    await terminal.shows(new RegExp(`^>${name}`, 'm'))
    terminal.press('Enter')
    await terminal.shows(new RegExp(`${name}: 1 fleet, 1 member, 5 rings`))
    terminal.press('/')
    terminal.type('orbit.events')
    terminal.press('Enter')
    await terminal.shows(/^>.*orbit\.events/m)
    terminal.press('Enter')
    await terminal.shows(/orders\.created {2}\{"id":17\}/)
    await child.ask('event', 'late', 'but here')
    await terminal.shows(/^>.*late {2}but here/m)
    terminal.press('Left')
    await terminal.shows(/1 member, 5 rings/)
    terminal.press('Home', 'Down')
    await terminal.shows(/^> +0 +\d+ +worker/m)
    terminal.press('Enter')
    const member = await terminal.shows(/ leader +3 /)
    expect(member).toMatch(new RegExp(`process +${child.pid}, alive`))
    expect(member).toMatch(/status +queue 4/)
    terminal.press('q')
  })

  it('opens the entries of a cache and the claims of a contest', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    await showcase(name)
    const terminal = new Terminal(topOf(name), { columns: 120, rows: 30 })
    for (const [ring, shown] of [
      ['orbit.cache', /users +17 +14 B .*"name":"Ada"/],
      ['orbit.contest', /^>leader +3 +worker 0/m],
      ['WorkerLoad', /"busy":3/],
    ] as const) {
      await terminal.shows(/5 rings/)
      terminal.press('/')
      terminal.type(ring)
      terminal.press('Enter')
      await terminal.shows(new RegExp(`^>.*${ring}`, 'm'))
      terminal.press('Enter')
      await terminal.shows(shown)
      terminal.press('Escape')
    }
    terminal.press('q')
  })

  it('shows a killed worker as dead in an alarm, and draws the rate of a busy ring', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    const [first, second] = [await showcase(name), await showcase(name)]
    const terminal = new Terminal(topOf(name), { columns: 160, rows: 30 })
    await terminal.shows(/2 members/)
    const feeding = { isOver: false }
    const feed = (async () => {
      while (!feeding.isOver) await first.ask('events', 'tick', 5)
    })()
    await terminal.shows(/█/)
    feeding.isOver = true
    await feed
    await second.kill()
    const screen = await terminal.shows(/^! 1 dead/m)
    expect(screen).toMatch(/ dead +\S/)
    await first.stop()
    await terminal.shows(/^! 1 dead {2}! 1 stopped/m)
    terminal.press('q')
  })
})
