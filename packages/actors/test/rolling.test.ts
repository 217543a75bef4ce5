import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import type { Actor } from '../src/index.js'
import { dataFolder, drivers } from './help/stores.js'
import { start } from './help/systems.js'

/** The class of test/fixtures/durablehunter.mjs. */
declare class Ledger extends Actor {
  add(op: string, ms: number): Promise<{ n: number }>
}

// ORBIT_ROLLING_ROUNDS=20: more restarts
const rounds = Number(process.env['ORBIT_ROLLING_ROUNDS'] ?? 1)
const [hostCount, keyCount, callers] = [4, 32, 8]

describe.skipIf(drivers.length === 0)('a rolling restart of four hosts under load', () => {
  it(
    'fails no call, and loses no change',
    async () => {
      const fixture = [fleetName('actors'), dataFolder(), 'full']
      const join = async (): Promise<Child> => {
        const host = startFixture('../../packages/actors/test/fixtures/durablehunter.mjs', fixture)
        while (((await host.next()) as string[])[0] !== 'ready');
        return host
      }
      const system = start<{ Ledger: typeof Ledger }>({ fleet: Fleet.joinShm(fixture[0] as string), host: false })
      let hosts = await Promise.all(Array.from({ length: hostCount }, join))
      const calls = Array.from({ length: keyCount }, () => 0)
      const failures: unknown[] = []
      let isOver = false
      const call = async (caller: number): Promise<void> => {
        for (let i = 0; !isOver; i++) {
          const k = (i * callers + caller) % keyCount // each actor has one caller
          try {
            const { n } = await system.get('Ledger', `k${k}`).add(`${i}`, i % 5)
            calls[k] = (calls[k] as number) + 1
            if (n !== calls[k]) failures.push({ k, n, expected: calls[k] })
          } catch (error) {
            failures.push(error)
          }
        }
      }
      const load = Array.from({ length: callers }, (_, caller) => call(caller))
      for (let restart = 0; restart < rounds * hostCount; restart++) {
        const [oldest, ...others] = hosts
        hosts = [...others, await join()]
        await oldest?.kill('SIGTERM')
      }
      isOver = true
      await Promise.all(load)
      expect(failures).toEqual([])
      expect(calls.every((count) => count > 0)).toBe(true)
    },
    240_000 + rounds * 60_000,
  )
})
