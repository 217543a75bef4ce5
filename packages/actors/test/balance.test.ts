import { describe, expect, it } from 'vitest'
import { partitionCount } from '../src/base/partitions.js'
import { type HostView, isMeasured, placed, rebalanced } from '../src/host/balance.js'
import { LoadMeter } from '../src/host/load.js'
import { Actor } from '../src/index.js'
import { localFleet, start } from './help/systems.js'

const host = (id: string, loads: number[] = [], label = '', plan: string[] = [], refuses: number[] = []): HostView => ({
  id,
  label,
  loads,
  plan,
  refuses,
})
const counts = (plan: string[]) => {
  const found: Record<string, number> = {}
  for (const each of plan) found[each] = (found[each] ?? 0) + 1
  return found
}
const loadsOf = (loads: Record<number, number>) => Array.from({ length: partitionCount }, (_, i) => loads[i] ?? 0)
const all = (id: string): string[] => Array.from({ length: partitionCount }, () => id)

describe('a placement', () => {
  it('gives each host a share, by hash or in turn', () => {
    const hosts = ['1.1', '2.1', '3.1', '4.1'].map((id) => host(id))
    expect(counts(placed('hash', undefined, hosts))).toEqual({ '1.1': 4, '2.1': 4, '3.1': 4, '4.1': 4 })
    expect(placed('round-robin', undefined, [...hosts].reverse()).slice(0, 5)).toEqual([
      '1.1',
      '2.1',
      '3.1',
      '4.1',
      '1.1',
    ])
    expect(placed('hash', undefined, [])).toEqual([])
    expect((['hash', 'round-robin', 'resources'] as const).map(isMeasured)).toEqual([false, false, true])
  })

  it('follows the plan of the first host that has one, and the hash where the plan names a host that has ended', () => {
    const plan = [...all('2.1').slice(1), '9.1']
    const hosts = [host('2.1', [], '', all('2.1')), host('1.1', [], '', plan), host('0.1')]
    const found = placed('least-loaded', undefined, hosts)
    expect(found.slice(0, -1)).toEqual(plan.slice(0, -1))
    expect(found.at(-1)).toBe(placed('hash', undefined, hosts).at(-1))
  })

  it('keeps pinned partitions with hosts of their label, while there is one', () => {
    const hosts = [host('1.1'), host('2.1', [], 'large')]
    const pin = (partition: number) => (partition < 14 ? 'large' : undefined)
    expect(placed('round-robin', pin, hosts).slice(0, 14)).toEqual(all('2.1').slice(0, 14))
    expect(counts(placed('hash', pin, [host('1.1'), host('3.1')]))).toEqual({ '1.1': 8, '3.1': 8 })
  })

  it('leaves a partition to hosts that can read it, while there is one', () => {
    const refuses = Array.from({ length: partitionCount }, (_, i) => i)
    const [old, older, newer] = [host('1.1', [], 'a', [], refuses), host('2.1', [], 'a', [], [3]), host('3.1')]
    for (const policy of ['hash', 'round-robin', 'least-loaded'] as const) {
      expect(placed(policy, undefined, [old, newer])).toEqual(all('3.1'))
      expect(placed(policy, () => 'a', [old, older, newer])[3]).toBe('3.1')
      expect(placed(policy, () => 'a', [old, older, newer])[4]).toBe('2.1')
      expect(placed(policy, undefined, [old])).toEqual(all('1.1'))
    }
    expect(
      rebalanced(all('3.1'), undefined, [
        old,
        host(
          '3.1',
          all('').map(() => 9),
        ),
      ]),
    ).toEqual(all('3.1'))
    expect(counts(rebalanced(all('1.1'), undefined, [old, newer]))).toEqual({ '3.1': partitionCount })
  })
})

describe('a new plan', () => {
  it('moves one partition at a time to a host that has none, until both have the same', () => {
    const hosts = [host('1.1'), host('2.1')]
    let plan = all('1.1')
    for (let moves = 1; moves <= 7; moves++) {
      plan = rebalanced(plan, undefined, hosts)
      expect(counts(plan)['2.1']).toBe(moves)
    }
    expect(counts(rebalanced(rebalanced(plan, undefined, hosts), undefined, hosts))).toEqual({ '1.1': 9, '2.1': 7 })
  })

  it('moves the partition that evens the loads best', () => {
    const hosts = [host('1.1', loadsOf({ 0: 90, 1: 60, 2: 10 })), host('2.1', loadsOf({ 8: 20 }))]
    const plan = all('1.1').map((id, i) => (i < 8 ? id : '2.1'))
    const next = rebalanced(plan, undefined, hosts)
    expect(next.map((id, i) => (id === plan[i] ? '' : `${i} to ${id}`)).join('')).toBe('1 to 2.1')
  })

  it('leaves loads that are nearly even, and one partition that has all of it', () => {
    const plan = all('1.1').map((id, i) => (i < 8 ? id : '2.1'))
    const even = [host('1.1', loadsOf({ 0: 50, 1: 55 })), host('2.1', loadsOf({ 8: 100 }))]
    expect(rebalanced(plan, undefined, even)).toEqual(plan)
    const alone = [host('1.1', loadsOf({ 0: 1000 })), host('2.1')]
    const only = all('2.1').map((id, i) => (i === 0 ? '1.1' : id))
    expect(rebalanced(only, undefined, alone)).toEqual(only)
  })

  it('replaces hosts that have ended, and leaves pinned partitions', () => {
    expect(rebalanced(all('9.1'), undefined, [host('1.1')])).toEqual(all('1.1'))
    const pinned = [host('1.1', [], 'here'), host('2.1')]
    expect(rebalanced(all('1.1'), () => 'here', pinned)).toEqual(all('1.1'))
  })
})

describe('a load meter', () => {
  const partitions = (calls: number, size = 0) => [
    { calls, size },
    { calls: 0, size: 2 },
  ]

  it('measures active actors', () => {
    expect(new LoadMeter('least-connections').measure(partitions(5, 1))).toEqual([1, 2])
  })

  it('measures calls since the last time', () => {
    const meter = new LoadMeter('least-loaded')
    expect(meter.measure(partitions(1e6))[0]).toBeGreaterThan(0)
    expect(meter.measure(partitions(1e6))).toEqual([0, 0])
  })

  it('shares the time of the processor among partitions by their calls', () => {
    const meter = new LoadMeter('resources')
    const until = performance.now() + 5
    while (performance.now() < until);
    const [busy, idle] = meter.measure(partitions(10))
    expect(busy).toBeGreaterThan(0)
    expect(idle).toBe(0)
    expect(meter.measure(partitions(10))).toEqual([0, 0])
  })
})

class Guest extends Actor {
  call(): void {}
}

describe('the partitions of a system', () => {
  async function crowd(first: object, second: object) {
    const fleet = localFleet()
    const one = start({ fleet, actors: { Guest }, ...first })
    const keys = Array.from({ length: 64 }, (_, i) => `guest ${i}`)
    const callAll = () => Promise.all(keys.map((key) => one.get('Guest', key).call()))
    await callAll()
    const two = start({ fleet, actors: { Guest }, ...second })
    return { one, two, callAll }
  }

  it('move to a process that joins, with placement: least-connections', async () => {
    const { one, two, callAll } = await crowd({ placement: 'least-connections' }, { placement: 'least-connections' })
    while (two.size === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await callAll()
    }
    expect(one.size).toBeGreaterThan(0)
  })

  it('are where they are pinned', async () => {
    const pin = () => 'large'
    const { one, two, callAll } = await crowd({ pin }, { pin, label: 'large' })
    while (one.size !== 0 || two.size !== 64) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await callAll()
    }
    expect(one.partitionOf('Guest', 'guest 1')).toBe(two.partitionOf('Guest', 'guest 1'))
  })
})
