// Objects that are removed under living members.
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Fleet, orbitType } from '../../src/index.js'
import { fleetName, objectsOf, shmFolder } from '../help/fleets.js'
import { isLinux } from '../help/system.js'
import { followGlobalTime } from '../help/time.js'

const facts = orbitType({ name: 'facts', kind: 7, capacity: 64, payloadBytes: 64 })

function removeFiles(name: string): void {
  for (const object of objectsOf(name)) rmSync(shmFolder + object)
}

describe.runIf(isLinux)('a fleet that loses its objects', () => {
  const warnings: string[] = []
  beforeEach(() => {
    warnings.length = 0
    followGlobalTime()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
      warnings.push(`${(options as { code?: string }).code}: ${message}`)
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('is orphaned at once, and a process that joins then is in another fleet', () => {
    const name = fleetName('orphan')
    using left = Fleet.joinShm(name)
    using observer = Fleet.observe(name)
    left.publish(facts, new Uint8Array(1))
    expect([left.orphaned, observer.orphaned]).toEqual([false, false])
    removeFiles(name)
    expect([left.orphaned, observer.orphaned]).toEqual([true, true])
    using next = Fleet.joinShm(name)
    expect([left.orphaned, next.orphaned]).toEqual([true, false])
    expect([left.head(facts), next.head(facts)]).toEqual([1, 0])
  })

  it('warns each member once within a second, and observers never', () => {
    const name = fleetName('orphan')
    using _first = Fleet.joinShm(name)
    using _second = Fleet.joinShm(name)
    using _observer = Fleet.observe(name)
    vi.advanceTimersByTime(10_000)
    expect(warnings).toEqual([])
    removeFiles(name)
    vi.advanceTimersByTime(1000)
    const warning = expect.stringMatching(/^ORBIT_ORPHANED: the objects of the fleet .* were removed .*join again$/)
    expect(warnings).toEqual([warning, warning])
    vi.advanceTimersByTime(10_000)
    expect(warnings).toHaveLength(2)
  })

  it('is orphaned after a forced removal', () => {
    const name = fleetName('orphan')
    using fleet = Fleet.joinShm(name)
    Fleet.remove(name, { force: true })
    expect(fleet.orphaned).toBe(true)
  })

  it('keeps its answer after close', () => {
    const name = fleetName('orphan')
    const [early, late] = [Fleet.joinShm(name), Fleet.joinShm(name)]
    early.close()
    removeFiles(name)
    expect(late.orphaned).toBe(true)
    late.close()
    expect([early.orphaned, late.orphaned]).toEqual([false, true])
  })

  it('has one timer for all members, which ends with the last one', () => {
    const name = fleetName('orphan')
    const members = [Fleet.joinShm(name), Fleet.joinShm(name), Fleet.joinShm(fleetName('orphan'))]
    expect(vi.getTimerCount()).toBe(1)
    for (const member of members) member.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is never orphaned in the memory of one process', () => {
    using fleet = Fleet.join(fleetName('orphan'))
    expect(fleet.orphaned).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})
