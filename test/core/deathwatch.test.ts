// The kernel tells the death of a process: no test here lets a timer look.
import { release } from 'node:os'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runtime } from '../../src/base/runtime.js'
import { Contest, type Fleet, Inbox, inboxType, type NodeChange, Presence, Semaphore } from '../../src/index.js'
import { descriptors } from '../help/bells.js'
import { fleetName, hasObjectFiles, joinShm } from '../help/fleets.js'
import { type Child, start } from '../help/processes.js'
import { isLinux } from '../help/system.js'

const [major = 0, minor = 0] = release().split('.').map(Number)
/** pidfd_open is a call of Linux 5.3. */
const canTell = isLinux && hasObjectFiles && (major > 5 || (major === 5 && minor >= 3))

/** Sleepers of fleets that are joined from now on never look by themselves. */
function stopTimers(): void {
  const never = () => setTimeout(() => {}, 2 ** 30).unref()
  const spies = [vi.spyOn(runtime, 'setInterval'), vi.spyOn(runtime, 'setTimeout')]
  for (const spy of spies) spy.mockImplementation(never as never)
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
}

/** A child that is a member, and holds what its orders said. */
async function member(name: string): Promise<{ child: Child; node: number }> {
  const child = start('actor.mjs', ['contest', 'contestant', name])
  await child.next()
  return { child, node: await child.ask<number>('join', {}) }
}

const watches = (): number => descriptors().filter((target) => target.includes('pidfd')).length

const joined = (name: string): Fleet => {
  const fleet = joinShm(name)
  onTestFinished(() => fleet.close())
  return fleet
}

describe.runIf(canTell)('the death of a member', () => {
  it('calls back once, when its claims have ended, and leaves no descriptor', async () => {
    const name = fleetName('death')
    const fleet = joined(name)
    const { child, node } = await member(name)
    await child.ask('tryClaim', 'job', { ttlMs: 'life' })
    const before = watches()
    const { deaths } = fleet.bell
    const holderAtDeath = new Promise((resolve) => {
      deaths.onDeath.add(() => resolve(new Contest(fleet).holder('job')))
    })
    expect(deaths.add({ node, incarnation: 1 })).toBe(true)
    expect(deaths.add({ node, incarnation: 1 })).toBe(true)
    expect(watches()).toBe(before + 1)
    child.process.kill('SIGKILL')
    expect(await holderAtDeath).toBeUndefined()
    expect(watches()).toBe(before)
    expect(deaths.add({ node, incarnation: 1 })).toBe(false)
    expect(deaths.add({ node: fleet.node, incarnation: 1 })).toBe(true)
    expect(watches()).toBe(before)
  })

  it('hears nothing of a handle that was closed, which leaves no descriptor', async () => {
    const name = fleetName('death')
    const fleet = joined(name)
    const { node } = await member(name)
    const before = watches()
    fleet.bell.deaths.add({ node, incarnation: 1 })
    fleet.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect(watches()).toBe(before)
  })

  it('wakes a claim, and a permit, that wait for its subjects', async () => {
    const name = fleetName('death')
    const { child } = await member(name)
    const [claims, permits] = [await member(name), await member(name)]
    stopTimers()
    const fleet = joined(name)
    await child.ask('tryClaim', 'job', { ttlMs: 'life' })
    const waiting = new Contest(fleet).claim('job', { ttlMs: 'life' })
    await child.kill()
    expect((await waiting).held).toBe(true)

    await claims.child.ask('tryClaim', { kind: 254, label: 'exports#1' }, { ttlMs: 'life' })
    await permits.child.ask('tryClaim', { kind: 254, label: 'exports#2' }, { ttlMs: 'life' })
    const permit = new Semaphore(fleet, { name: 'exports', permits: 2 }).acquire({ ttlMs: 'life' })
    await permits.child.kill()
    expect((await permit).subject.label).toBe('exports#2')
  })

  it('ends the wait for the ownership of an inbox', async () => {
    const name = fleetName('death')
    const spec = { name: 'jobs', kind: 40, capacity: 4, payloadBytes: 16 }
    const child = start('actor.mjs', ['inbox', 'work', name, spec])
    expect(await child.next()).toEqual(['owned'])
    stopTimers()
    const waiting = Inbox.own(joined(name), inboxType(spec))
    await child.kill()
    expect((await waiting).depth).toBe(0)
  })

  it('is yielded by watchNodes, and removes entries from a presence that is watched', async () => {
    const name = fleetName('death')
    const { child, node } = await member(name)
    const entrant = start('actor.mjs', ['presence', 'member', name])
    expect(await entrant.next()).toBe('ready')
    await entrant.ask('set', 'entry', 1)
    stopTimers()
    const fleet = joined(name)
    const changes = fleet.watchNodes()
    for (let i = 0; i < 3; i++) await changes.next()
    const next = changes.next()
    await child.kill()
    expect((await next).value as NodeChange).toMatchObject({ change: 'died', member: { node } })

    const entries = new Presence(fleet).watch()
    expect((await entries.next()).value).toMatchObject({ change: 'added', entry: { id: 'entry' } })
    const removed = entries.next()
    await entrant.kill()
    expect((await removed).value).toMatchObject({ change: 'removed', entry: { id: 'entry' } })
  })
})
