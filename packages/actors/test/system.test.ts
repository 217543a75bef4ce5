import { Client, Fleet } from 'orbit-node'
import { expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { Actor, actors } from '../src/index.js'

class Plain extends Actor {}

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
