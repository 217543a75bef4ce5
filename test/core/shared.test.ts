// Handles that modules of one process share, and processes that have many.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { isLinux } from '../help/system.js'

const living = (name: string): number => {
  using observer = Fleet.observe(name)
  return observer.nodes().filter(({ alive }) => alive).length
}

describe.runIf(isLinux)('a shared handle', () => {
  it('is one for all joins with { shared: true }, and closes with the last of them', () => {
    const name = fleetName('shared')
    const first = Fleet.joinShm(name, { shared: true })
    const second = Fleet.joinShm(name, { shared: true })
    using alone = Fleet.joinShm(name)
    expect(second).toBe(first)
    expect(alone.node).not.toBe(first.node)
    first.close()
    expect([second.closed, living(name)]).toEqual([false, 2])
    second.close()
    expect([second.closed, living(name)]).toEqual([true, 1])
    using next = Fleet.joinShm(name, { shared: true })
    expect(next).not.toBe(first)
  })

  it('is given by joinShmAsync and by Fleet.join, too', async () => {
    const name = fleetName('shared')
    using first = Fleet.joinShm(name, { shared: true })
    using second = await Fleet.joinShmAsync(name, { shared: true })
    expect(second).toBe(first)
    using local = Fleet.join(name, { shared: true })
    using other = Fleet.join(name, { shared: true })
    expect(local).not.toBe(first)
    expect(other).toBe(local)
  })

  it('is the only handle after 70 evaluations of this package, and fits the classes of each', async () => {
    const name = fleetName('shared')
    const first = Fleet.joinShm(name, { shared: true, size: 4 })
    for (let i = 0; i < 70; i++) {
      vi.resetModules()
      const again = await import('../../src/index.js')
      expect(again.Fleet).not.toBe(Fleet)
      const fleet = again.Fleet.joinShm(name, { shared: true })
      expect(again.Fleet.joinShm(name, { shared: true })).toBe(fleet)
      new again.OrbitEventBus(fleet, { capacity: 4, payloadBytes: 64 }).publish('reload', `${i}`)
      expect(living(name)).toBe(1)
    }
    expect(first.closed).toBe(true)
    Fleet.remove(name, { force: true })
  })

  it.each([
    { title: 'on the node that it asks for', options: { size: 4, node: 2 }, kept: 1 },
    { title: 'in a fleet without another node', options: { size: 1 }, kept: 0 },
  ])('takes the place of the handle of an earlier evaluation $title', async ({ options, kept }) => {
    const name = fleetName('shared')
    const first = Fleet.joinShm(name, { shared: true, ...options })
    const spec = { name: 'facts', capacity: 4 }
    first.publish(orbitType(spec), Buffer.from('fact'))
    vi.resetModules()
    const again = await import('../../src/index.js')
    const fleet = again.Fleet.joinShm(name, { shared: true, ...options })
    expect([first.closed, fleet.node, living(name)]).toEqual([true, first.node, 1])
    expect(fleet.head(again.orbitType(spec))).toBe(kept)
    fleet.close()
    expect(() => Fleet.observe(name)).toThrow('no such fleet')
  })

  it('is replaced when the fleet was removed, and the old one closes with its own users', () => {
    const name = fleetName('shared')
    const old = Fleet.joinShm(name, { shared: true })
    Fleet.remove(name, { force: true })
    using next = Fleet.joinShm(name, { shared: true })
    expect(next).not.toBe(old)
    old.close()
    expect([old.closed, next.closed]).toEqual([true, false])
    expect(Fleet.joinShm(name, { shared: true })).toBe(next)
    next.close()
  })

  it('has one size and one node', () => {
    const name = fleetName('shared')
    using fleet = Fleet.joinShm(name, { shared: true, size: 4, node: 2 })
    const join = (options: object) => () => Fleet.joinShm(name, { shared: true, ...options })
    expect(join({ size: 8 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_TYPE_MISMATCH' }))
    expect(join({ node: 3 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_NODE_TAKEN' }))
    expect(join({ shared: 1 })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_INVALID_ARGUMENT' }))
    const same = join({ size: 4, node: 2 })()
    expect(same).toBe(fleet)
    same.close()
    expect(fleet.closed).toBe(false)
  })
})

describe.runIf(isLinux)('a thread with many handles on one fleet', () => {
  let warnings: string[]
  beforeEach(() => {
    warnings = []
    vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
      warnings.push(`${(options as { code?: string }).code}: ${message}`)
    })
  })
  afterEach(() => vi.restoreAllMocks())

  it('warns at the tenth open handle, and once', () => {
    const name = fleetName('many')
    Fleet.joinShm(name).close()
    const handles = Array.from({ length: 9 }, () => Fleet.joinShm(name))
    handles.push(Fleet.joinShm(fleetName('many')), Fleet.join(name))
    expect(warnings).toEqual([])
    handles.push(Fleet.joinShm(name), Fleet.joinShm(name))
    const advice = `this thread has 10 handles on the fleet ${name}: close handles that are no longer used, or join`
    expect(warnings).toEqual([`ORBIT_MANY_HANDLES: ${advice} with { shared: true } to share one`])
    for (const handle of handles) handle.close()
    const again = Array.from({ length: 12 }, () => Fleet.joinShm(name))
    for (const handle of again) handle.close()
    expect(warnings.length).toBe(1)
  })
})
