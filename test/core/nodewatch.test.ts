import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Fleet, FleetObserver, NodeChange, WatchNodesOptions } from '../../src/index.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectClosed, expectTypeError, untyped } from '../help/refusals.js'
import { isLinux } from '../help/system.js'

/** The changes of a watch, as texts. The watch ends with the test. */
function watched(fleet: Fleet | FleetObserver, options: WatchNodesOptions = {}) {
  const changes = fleet.watchNodes(options)
  onTestFinished(() => fleet.close())
  return async (count: number): Promise<string[]> => {
    const texts: string[] = []
    while (texts.length < count) {
      const { value, done } = await changes.next()
      if (done) return [...texts, 'over']
      const { change, member } = value as NodeChange
      texts.push(`${change} ${member.node}.${member.incarnation}`)
    }
    return texts
  }
}

describe.each(memories)('watchNodes in $memory', ({ join }) => {
  it('yields the members first, and then each that joins or leaves', async () => {
    const name = fleetName()
    const fleet = join(name, { size: 4 })
    const second = join(name)
    const next = watched(fleet)
    expect(await next(2)).toEqual(['joined 0.1', 'joined 1.1'])
    const third = join(name)
    expect(await next(1)).toEqual(['joined 2.1'])
    second.close()
    expect(await next(1)).toEqual(['left 1.1'])
    const fourth = join(name)
    third.close()
    expect((await next(2)).sort()).toEqual(['joined 1.2', 'left 2.1'])
    expect(fourth.nodes().map(({ node, incarnation }) => [node, incarnation])).toEqual([
      [0, 1],
      [1, 2],
    ])
  })

  it('ends when its handle is closed or its signal is aborted', async () => {
    const name = fleetName()
    const [fleet, other] = [join(name, { size: 4 }), join(name)]
    const abort = new AbortController()
    const [one, two] = [watched(fleet), watched(other, { signal: abort.signal })]
    await Promise.all([one(2), two(2)])
    const ends = [one(1), two(1)]
    abort.abort()
    fleet.close()
    expect(await Promise.all(ends)).toEqual([['over'], ['over']])
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    expectClosed(() => fleet.watchNodes())
  })

  it('refuses wrong options', () => {
    const fleet = join(fleetName())
    expectTypeError(() => fleet.watchNodes(untyped({ interval: 5 })), 'options.interval')
    expectTypeError(() => fleet.watchNodes(untyped({ signal: {} })), 'signal=')
    expectTypeError(() => fleet.watchNodes(untyped({ keepAlive: 1 })), 'keepAlive=1')
  })
})

describe.runIf(isLinux && hasObjectFiles)('watchNodes of processes', () => {
  const member = async (name: string, options = {}) => {
    const child = start('actor.mjs', ['heartbeat', 'member'])
    expect(await child.next()).toBe('ready')
    expect(await child.ask('join', name, options)).toEqual(expect.any(Number))
    return child
  }

  it('yields the death of a killed process once, and what follows on its node', async () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    const seen = [watched(fleet), watched(observe(name))]
    const both = (count: number) => Promise.all(seen.map((next) => next(count)))
    expect(await both(1)).toEqual([['joined 0.1'], ['joined 0.1']])
    const victim = await member(name)
    expect(await both(1)).toEqual([['joined 1.1'], ['joined 1.1']])
    await victim.kill()
    expect(await both(1)).toEqual([['died 1.1'], ['died 1.1']])
    const successor = await member(name)
    expect(await both(1)).toEqual([['joined 1.2'], ['joined 1.2']])
    await successor.ask('close')
    expect(await both(1)).toEqual([['left 1.2'], ['left 1.2']])
  })

  it('keeps the process alive unless keepAlive is false', async () => {
    for (const keepAlive of [false, true]) {
      const child = start('actor.mjs', ['heartbeat', 'watcher', fleetName(), { keepAlive }])
      expect(await child.next()).toBe('joined')
      if (keepAlive) {
        expect(await child.next()).toBe('still here')
        await child.kill()
      } else expect((await child.ended).code).toBe(13) // Node's code for a top-level await that nothing can end
    }
  })
})
