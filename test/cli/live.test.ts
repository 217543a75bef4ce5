// The commands that do not end by themselves: tail, top and serve-metrics, in pipes and on a real terminal.
import { describe, expect, it } from 'vitest'
import { fleetName, objectPath } from '../help/fleets.js'
import { bytesOf, cliPath, jsonOf, orbit, showcase } from '../help/orbit.js'
import { Running } from '../help/running.js'
import { isLinux } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

const command = (args: string): string => `'${process.execPath}' '${cliPath}' ${args}`

describe.runIf(isLinux)('orbit tail', () => {
  it('prints new events, ends by Ctrl-C with exit code 0, and changes no byte', async () => {
    const name = fleetName('tail')
    const child = await showcase(name)
    const tail = new Running(['tail', name, '--from', 'start', '--topic', 'orders.*', '--json'])
    expect(jsonOf('tail', (await tail.line()) as string)).toMatchObject({
      topic: 'orders.created',
      payload: { id: 17 },
    })
    expect(jsonOf('tail', (await tail.line()) as string)).toMatchObject({ topic: 'orders.paid' })
    await child.ask('event', 'users.new', 'not asked for')
    await child.ask('event', 'orders.sent', 'asked for')
    const before = bytesOf(name)
    expect(jsonOf('tail', (await tail.line()) as string)).toMatchObject({ topic: 'orders.sent', position: 4 })
    tail.process.kill('SIGINT')
    expect(await tail.ended).toBe(0)
    expect(tail.stderr).toBe('')
    expect(bytesOf(name)).toEqual(before)
  })

  it('prints or counts as lost every event of a storm of 100,000 events per second', async () => {
    const name = fleetName('tail')
    const child = await showcase(name, { isEmpty: true, events: 2 ** 16, eventBytes: 32 })
    const tail = new Running(['tail', name, '--from', '0', '--json'])
    const count = 200_000
    child.tell('storm', count, 100_000)
    let next = 0
    let lost = 0
    let isSchematic = false
    while (next < count) {
      const line = (await tail.line()) as string
      const item = JSON.parse(line)
      if (!isSchematic || item.item === 'loss') jsonOf('tail', line)
      isSchematic = true
      if (item.item === 'loss') {
        expect(item.from).toBe(next)
        lost += item.lost
        next += item.lost
      } else {
        // Every event is intact and in its place; a missing one was counted as lost before it.
        if (item.position !== next || item.payload !== String(next))
          expect(item).toMatchObject({ position: next, payload: String(next) })
        next++
      }
    }
    expect(await child.next()).toBe(count)
    console.log(`tail of 100,000 events per second: ${count - lost} printed, ${lost} lost`)
    tail.process.kill('SIGTERM')
    expect(await tail.ended).toBe(0)
  })

  it('prints in its place exactly how many events were lost while it was stopped', async () => {
    const name = fleetName('tail')
    const child = await showcase(name)
    const tail = new Running(['tail', name, '--from', 'start', '--json'])
    for (let position = 0; position < 3; position++) {
      expect(JSON.parse((await tail.line()) as string).position).toBe(position)
    }
    await tail.stop()
    await child.ask('events', 'flood', 1000)
    tail.process.kill('SIGCONT')
    const loss = jsonOf('tail', (await tail.line()) as string)
    expect(loss).toMatchObject({ item: 'loss', from: 3, lost: 1003 - 64 - 3, malformed: 0 })
    for (let position = 1003 - 64; position < 1003; position++) {
      expect(JSON.parse((await tail.line()) as string)).toMatchObject({ position, payload: String(position - 3) })
    }
  })

  it('waits for a ring that does not exist yet', async () => {
    const name = fleetName('tail')
    const child = await showcase(name, { isEmpty: true })
    // From the start: when the fleet is mapped, the first poll may be still to come.
    const tail = new Running(['tail', name, '12', '--json', '--limit', '1', '--from', 'start'])
    await tail.maps(objectPath(name, 'fleet'))
    await child.ask('fill')
    expect(jsonOf('tail', (await tail.line()) as string)).toMatchObject({
      id: '12:0:0',
      format: 'pod',
      payload: { busy: 3 },
    })
    expect(await tail.ended).toBe(0)
  })

  it('says on stderr what it waits for', async () => {
    const name = fleetName('tail')
    const child = await showcase(name, { isEmpty: true })
    const frames = new Running(['tail', name, '12', '--limit', '1'])
    const wanted = `waiting for frames of KIND 12 in fleet ${name}`
    await frames.remarks(`${wanted}, and for a process to create that ring; Ctrl-C ends\n`)
    const events = new Running(['tail', name, '--topic', 'late.*', '--limit', '1'])
    await events.remarks(`waiting for events of topic late.* in fleet ${name}; Ctrl-C ends\n`)
    await child.ask('event', 'late.one', 'here')
    expect(await events.line()).toMatch(/late\.one {2}here/)
    expect(await events.ended).toBe(0)
    await child.ask('fill')
    expect(await frames.ended).toBe(0)
  })

  it('ends with exit code 3 when the ring that it follows is removed', async () => {
    const name = fleetName('tail')
    const child = await showcase(name)
    const tail = new Running(['tail', name, '--from', 'start'])
    expect(await tail.line()).toContain('orders.created')
    await child.ask('close')
    expect((await orbit(['rm', name])).code).toBe(0)
    expect(await tail.ended).toBe(3)
    expect(tail.stderr).toContain('was removed')
  })

  it('prints whole events on a terminal, and gives the prompt back on Ctrl-C', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('tail')
    const child = await showcase(name)
    const terminal = new Terminal(`${command(`tail ${name} --from start`)}; echo "ended with $?"`)
    const screen = await terminal.shows(/users/)
    expect(screen).toMatch(/#0 node 0 {2}orders\.created {2}\{"id":17\}/)
    expect(screen).toMatch(/users\.\\x1b\[31mred {2}00 01 02 ff/)
    await child.ask('event', 'late', 'but here')
    await terminal.shows(/late {2}but here/)
    terminal.press('C-c')
    await terminal.shows(/ended with 0/)
  })
})

describe.runIf(isLinux)('orbit top', () => {
  it('restores the terminal on SIGTERM', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    await showcase(name)
    const terminal = new Terminal(`${command(`top ${name}`)}; echo "ended with $?"; stty -a | grep -o -e '-*icanon'`)
    await terminal.shows(/orbit\.contest/)
    process.kill(terminal.foreground(), 'SIGTERM')
    const screen = await terminal.shows(/icanon/)
    expect(screen).toMatch(/ended with 0\nicanon/)
    expect(terminal.state()).toEqual({ isAlternate: false, hasCursor: true })
  })

  it('ends with exit code 3 when its fleet is removed, and restores the terminal', async (context) => {
    terminalOrSkip(context)
    const name = fleetName('top')
    const child = await showcase(name)
    const terminal = new Terminal(`${command(`top ${name} --interval-ms 20`)}; echo "ended with $?"`)
    await terminal.shows(/orbit\.contest/)
    await child.ask('close')
    expect((await orbit(['rm', name])).code).toBe(0)
    expect(await terminal.shows(/ended with 3/)).toContain('no such fleet')
    expect(terminal.state()).toEqual({ isAlternate: false, hasCursor: true })
  })

  it('prints a line of JSON for each sample, and needs --json without a terminal', async () => {
    const name = fleetName('top')
    await showcase(name)
    const { code, stdout } = await orbit(['top', name, '--json', '--limit', '3', '--interval-ms', '10'])
    expect(code).toBe(0)
    const samples = stdout
      .trimEnd()
      .split('\n')
      .map((line) => jsonOf('top', line))
    expect(samples).toHaveLength(3)
    expect(samples[2].fleets[0]).toMatchObject({ fleet: name, nodesAlive: 1, claims: 1 })
    expect(samples[2].fleets[0].rings[0].history).toHaveLength(2)
    expect(await orbit(['top', name])).toMatchObject({ code: 2, stdout: '' })
    expect((await orbit(['top', 'no.such.fleet', '--json'])).code).toBe(3)
  })
})

describe.runIf(isLinux)('orbit serve-metrics', () => {
  it('serves the metrics of a fleet on loopback, and changes no byte', async () => {
    const name = fleetName('serve')
    await showcase(name)
    const before = bytesOf(name)
    const server = new Running(['serve-metrics', name, '--port', '0', '--json'])
    const { url } = jsonOf('serve-metrics', (await server.line()) as string)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('version=0.0.4')
    const text = await response.text()
    expect(text).toContain(`orbit_frames_total{fleet="${name}",kind="7",type="Log"} 10\n`)
    expect(text).toContain(`orbit_nodes_alive{fleet="${name}"} 1\n`)
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
    expect((await fetch(new URL('/', url))).status).toBe(404)
    expect(bytesOf(name)).toEqual(before)
    expect((await orbit(['rm', name, '--force'])).code).toBe(0)
    expect((await fetch(url)).status).toBe(503)
    server.process.kill('SIGINT')
    expect(await server.ended).toBe(0)
    expect((await orbit(['serve-metrics', name])).code).toBe(3)
  })
})
