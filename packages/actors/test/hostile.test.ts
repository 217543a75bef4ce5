// Values, filters and code of actors that do what they should not.
import { describe, expect, it } from 'vitest'
import { Actor, type ActorSystem } from '../src/index.js'
import { Log, localFleet, start } from './help/systems.js'

/** An object with a getter that throws something without a message. */
const thrower = () =>
  Object.defineProperty({ one: 1 }, 'two', {
    enumerable: true,
    get() {
      throw null
    },
  })

class Odd extends Actor {
  ran = 0
  later: (() => void) | undefined
  echo(value: unknown, ..._others: unknown[]) {
    this.ran++
    return value
  }
  thrower() {
    return thrower()
  }
  async throwerLater() {
    await undefined
    return thrower()
  }
  async *items() {
    yield thrower()
  }
}

const classes = { Odd }

/** An actor, as its own process and as another one calls it. */
function both() {
  const [fleet, log] = [localFleet(), new Log()]
  const host = start({ fleet, actors: classes, log })
  return { fleet, log, host, systems: [host, start<typeof classes>({ fleet, host: false })] }
}

describe('a value that throws while it is read', () => {
  it('fails its call, and harms no other', async () => {
    for (const system of both().systems) {
      const odd = system.get('Odd', 'a').with({ timeoutMs: 3000 })
      for (const call of [odd.thrower(), odd.throwerLater()]) {
        await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'done' })
      }
      for (const args of [[thrower()], [1, 1n, thrower()]] as const) {
        const call = odd.echo(...(args as [unknown]))
        await expect(call).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE', outcome: 'not-run' })
      }
      await expect(odd.stream.items().next()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_VALUE' })
      expect(await odd.echo(1)).toBe(1)
    }
  })
})

describe('a filter', () => {
  it('cannot change the call', async () => {
    for (const [i, name] of ['args', 'chain'].entries()) {
      const { host, systems } = both()
      host.use((call, next) => {
        if (i === 0) (call.args as unknown[])[0] = 'changed'
        else (call.chain as string[]).push('Odd/a')
        return next()
      })
      for (const system of systems as ActorSystem<typeof classes>[]) {
        await expect(system.get('Odd', 'a').echo('value'), name).rejects.toThrow(/object/)
      }
    }
  })
})
