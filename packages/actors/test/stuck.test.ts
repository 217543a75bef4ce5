import { FleetHeartbeat } from 'orbit-node'
import { expect, it } from 'vitest'
import { names } from '../src/host/service.js'
import { StuckHosts } from '../src/host/stuck.js'
import { Log, localFleet } from './help/systems.js'

it('ends no host because of old heartbeats before this process has run for a while itself', async () => {
  const [fleet, log] = [localFleet(), new Log()]
  new FleetHeartbeat(fleet).beat()
  const owners = new Set([names.host(fleet)])
  const stuck = new StuckHosts(fleet, { onStuck: 'kill', stuckMs: 0 }, log)
  const look = (atMs: number) => {
    stuck.look(owners, atMs)
    return log.lines.length
  }
  expect([0, 900, 1800].map(look)).toEqual([0, 0, 0])
  expect([3000, 3900, 4800].map(look)).toEqual([0, 0, 0]) // after a pause
  expect(look(5100)).toBe(1)
  expect(String(log.lines[0])).toMatch(/has made no heartbeat/)
})
