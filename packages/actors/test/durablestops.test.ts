// Durable actors of a process that is stopped: SIGSTOP, or a blocked event loop.
import { Fleet } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { type Child, start as startFixture } from '../../../test/help/processes.js'
import type { Actor } from '../src/index.js'
import { dataFolder, drivers } from './help/stores.js'
import { start } from './help/systems.js'

/** The class of test/fixtures/durablehunter.mjs. */
declare class Ledger extends Actor {
  add(op: string, ms: number): Promise<{ n: number; token: number; pid: number }>
}

// ORBIT_STOP_SECONDS=60: a stop of a minute
const stopMs = Number(process.env['ORBIT_STOP_SECONDS'] ?? 1) * 1000
const limitMs = stopMs + 120_000

/** Two processes with actors, and one actor of which a change was acknowledged. */
async function twoHosts(options: object) {
  const fixture = [fleetName('actors'), dataFolder(), 'full', options]
  const system = start<{ Ledger: typeof Ledger }>({ fleet: Fleet.joinShm(fixture[0] as string), host: false })
  const hosts: Child[] = []
  for (let i = 0; i < 2; i++) {
    const host = startFixture('../../packages/actors/test/fixtures/durablehunter.mjs', fixture)
    while (((await host.next()) as string[])[0] !== 'ready');
    hosts.push(host)
  }
  while ((await system.inspect()).hosts.some(({ partitions }) => partitions.length !== 8));
  const ledger = system.get('Ledger', 'a')
  const first = await ledger.add('first', 0)
  const owner = hosts.find(({ pid }) => pid === first.pid) as Child
  return { ledger, first, owner }
}

describe.skipIf(drivers.length === 0)('the process of a durable actor that is stopped', () => {
  it(
    'keeps its actors, and goes on with what it has kept',
    async () => {
      const { ledger, first, owner } = await twoHosts({})
      await owner.stop()
      const endMs = performance.now() + stopMs
      do {
        const call = ledger.with({ timeoutMs: 200 }).add('early', 0)
        await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' })
      } while (performance.now() < endMs)
      const next = ledger.with({ timeoutMs: limitMs }).add('next', 0)
      owner.process.kill('SIGCONT')
      expect(await next).toEqual({ ...first, n: first.n + 1 })
    },
    limitMs,
  )

  it.runIf(process.env['ORBIT_STOP_SECONDS'])(
    "is killed with onStuck: 'kill', and the next one has all that was acknowledged",
    async () => {
      const stuckMs = Math.max(2000, stopMs)
      const { ledger, first, owner } = await twoHosts({ onStuck: 'kill', stuckMs })
      const ended = new Promise((resolve) => owner.process.once('exit', (_, signal) => resolve(signal)))
      await owner.stop()
      const { n, token, pid } = await ledger.with({ timeoutMs: limitMs }).add('next', 0)
      expect(await ended).toBe('SIGKILL')
      expect([n, token > first.token, pid === first.pid]).toEqual([first.n + 1, true, false])
    },
    limitMs,
  )
})
