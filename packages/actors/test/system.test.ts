import { Client, Fleet } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { Actor, actors } from '../src/index.js'
import { Log, localFleet, start } from './help/systems.js'

class Plain extends Actor {
  echo(value: unknown): unknown {
    return value
  }
  misuse(how: 'child' | 'monitor'): void {
    if (how === 'child') this.ctx.child(5 as never, 'a')
    else this.ctx.monitor({} as never, () => {})
  }
}

it('leaves no member behind when it cannot be started', () => {
  const name = fleetName('full')
  const fleets = Array.from({ length: 65 }, () => Fleet.join(name))
  onTestFinished(() => {
    for (const fleet of fleets) fleet.close()
  })
  // All places of processes that call are taken.
  for (const fleet of fleets.slice(0, 64)) void new Client(fleet, 'any')
  const fleet = fleets[64] as Fleet
  const members = fleet.nodes().length
  expect(() => actors({ fleet, actors: { Plain } })).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_CALLS_FULL' }))
  expect(fleet.nodes().length).toBe(members)
})

it('refuses wrong options of a process that runs actors', () => {
  const fleet = Fleet.join(fleetName('stuck'))
  onTestFinished(() => fleet.close())
  const wrong = (options: object) => () => actors({ fleet, actors: { Plain }, ...options } as never)
  expect(wrong({ onStuck: 'stop' })).toThrow("onStuck=\"stop\" must be 'wait' or 'kill'")
  expect(wrong({ placement: 'best' })).toThrow('placement="best" must be one of "hash", "round-robin"')
  expect(wrong({ pin: 'here' })).toThrow('pin="here" must be a function')
  expect(wrong({ label: '' })).toThrow('label=""')
  expect(wrong({ stuckMs: 100 })).toThrow('stuckMs=100 must be an integer in 2000..2147483647')
})

describe('a system', () => {
  it('refuses classes that could not be called, a log without methods, and a handle that was closed', () => {
    const fleet = localFleet()
    const wrong = (options: object) => () => actors({ fleet, actors: { Plain }, ...options } as never)
    expect(wrong({ actors: { '': Plain } })).toThrow('the name of a class="" must be a string of 1..128 bytes')
    expect(wrong({ actors: { 'a/b': Plain } })).toThrow('the name of a class="a/b" must be a name without "/"')
    const Later = class extends Plain {}
    Object.defineProperty(Later.prototype, 'then', { value: () => {} })
    expect(wrong({ actors: { Later } })).toThrow('Later.then=a function must be named')
    for (const log of [null, 5, {}])
      expect(wrong({ log })).toThrow('must be an object with debug, info, warn and error')
    fleet.close()
    expect(wrong({})).toThrow('the handle of the fleet')
  })

  it('names wrong arguments of its references and of ctx', async () => {
    const system = start({ fleet: localFleet(), actors: { Plain }, log: new Log() })
    const plain = system.get('Plain', 'a')
    const { echo } = plain
    expect(() => echo(1)).toThrow('call echo as a method of its reference')
    await expect(plain.misuse('child')).rejects.toThrow('Class=5 must be a class that extends Actor')
    await expect(plain.misuse('monitor')).rejects.toThrow('type=undefined must be a string')
    await expect(system.monitor(undefined as never)).rejects.toThrow('type=undefined must be a string')
  })

  it('ends its calls and closes after its fleet was removed', async () => {
    const name = fleetName('actors')
    const host = start({ fleet: Fleet.joinShm(name), actors: { Plain }, log: new Log() })
    const caller = start<{ Plain: typeof Plain }>({ fleet: Fleet.joinShm(name), host: false })
    expect(await caller.get('Plain', 'a').echo(1)).toBe(1)
    Fleet.remove(name, { force: true })
    await expect(caller.get('Plain', 'a').echo(2)).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CLOSED' })
    await Promise.all([host.close(), caller.close()])
    await expect(host.monitor({ type: 'Plain', key: 'a' })).rejects.toMatchObject({
      code: 'ERR_ORBIT_ACTOR_CLOSED',
    })
  })
})

it('shows filters which process and which actors have called', async () => {
  class Step extends Actor {
    async pass(keys: string[]): Promise<string> {
      const [next, ...rest] = keys
      return next === undefined ? this.ctx.key : this.ctx.actor<Step>('Step', next).pass(rest)
    }
  }
  const fleet = localFleet()
  const host = start({ fleet, actors: { Step } })
  const seen: string[] = []
  host.use((call, next) => {
    seen.push(`${call.key} by ${call.caller} for ${call.chain}`)
    return next()
  })
  const caller = start<{ Step: typeof Step }>({ fleet, host: false })
  expect(await caller.get('Step', 'a').pass(['b', 'c'])).toBe('c')
  expect(await host.get('Step', 'd').pass([])).toBe('d')
  const [first, second] = fleet
    .nodes()
    .slice(1)
    .map(({ node, incarnation }) => `${node}.${incarnation}`)
  expect(seen).toEqual([
    `a by ${second} for `,
    `b by ${first} for Step/a`,
    `c by ${first} for Step/a,Step/b`,
    `d by ${first} for `,
  ])
})
