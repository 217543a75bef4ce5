import { expect, it, onTestFinished } from 'vitest'
import { Actor, type ActorClasses } from '../src/index.js'
import { type TestOptions, testActors } from '../src/testing.js'
import { Log, until } from './help/systems.js'

const events: string[] = []

class Alarm extends Actor {
  static readonly actor = { onError: 'restart' } as const
  #rings = 0
  override onActivate(): void {
    events.push('activate')
  }
  override onDeactivate(reason: string): void {
    events.push(reason)
  }
  set(everyMs: number): void {
    this.ctx.setTimer('ring', { everyMs }, () => ++this.#rings)
  }
  rings(): number {
    return this.#rings
  }
  async hold(): Promise<void> {
    events.push('hold')
    await new Promise(() => {})
  }
  fail(): void {
    throw new Error('failed')
  }
}

function world<C extends ActorClasses>(options: TestOptions<C>) {
  events.length = 0
  const made = testActors({ log: new Log(), ...options })
  onTestFinished(() => made.close())
  return made
}
const actors = { Alarm }

it('moves the clock of timers and of idle activations', async () => {
  const made = world({ actors })
  await made.get('Alarm', 'a').set(60_000)
  await made.get('Alarm', 'b').rings()
  await made.advance(600_000)
  expect(await made.get('Alarm', 'a').rings()).toBe(10)
  expect(events).toEqual(['activate', 'activate', 'idle'])
  expect(made.size).toBe(1)
})

it('moves the clock of deadlines and of rests', async () => {
  const made = world({ actors })
  const alarm = made.get('Alarm', 'a')
  for (let i = 0; i < 4; i++) await expect(alarm.fail()).rejects.toThrow('failed')
  await expect(alarm.rings()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_CRASHING' })
  await made.advance(100)
  expect(await alarm.rings()).toBe(0)
  const endings = Promise.allSettled([alarm.hold(), alarm.rings()])
  await until(() => events.includes('hold'))
  while ((await Promise.race([endings, made.advance(1000)])) === undefined);
  const [running, waiting] = await endings
  expect(running).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'unknown' } })
  expect(waiting).toMatchObject({ reason: { code: 'ERR_ORBIT_ACTOR_TIMEOUT', outcome: 'not-run' } })
})

it('kills the process of the actors, and restarts it', async () => {
  const made = world({ actors })
  const alarm = made.get('Alarm', 'a')
  const held = alarm.hold().catch((error) => error)
  await until(() => events.includes('hold'))
  const waiting = alarm.rings()
  made.kill()
  expect(made.size).toBe(0)
  expect(await held).toMatchObject({ code: 'ERR_ORBIT_ACTOR_LOST', outcome: 'unknown' })
  await made.restart()
  expect(await waiting).toBe(0)
  expect(events).toEqual(['activate', 'hold', 'activate'])
  await made.restart()
  expect(await alarm.rings()).toBe(0)
  expect(events).toEqual(['activate', 'hold', 'activate', 'shutdown', 'activate'])
})

it('starts one process for two restarts at a time', async () => {
  const made = world({ actors })
  made.kill()
  await Promise.all([made.restart(), made.restart()])
  expect(await made.get('Alarm', 'a').rings()).toBe(0)
  expect(made.fleet.nodes().filter(({ label }) => label === 'actors default')).toHaveLength(2) // with the caller
})

it('runs filters, also after a restart', async () => {
  const made = world({ actors })
  made.use(async (call, next) => `${call.method} ${await next()}`)
  expect(await made.get('Alarm', 'a').rings()).toBe('rings 0')
  await made.restart()
  expect(await made.get('Alarm', 'a').rings()).toBe('rings 0')
})

it('refuses wrong arguments', async () => {
  expect(() => testActors({} as never)).toThrow('actors=undefined')
  expect(() => testActors({ actors, clock: 1 } as never)).toThrow('options.clock is unknown')
  await expect(world({ actors }).advance(-1)).rejects.toThrow('ms=-1')
})

it('loses replies of methods that have run', async () => {
  const made = world({ actors })
  const alarm = made.get('Alarm', 'a')
  await alarm.set(1000)
  made.dropReplies(2)
  for (let i = 0; i < 2; i++) {
    await expect(alarm.set(10)).rejects.toMatchObject({
      code: 'ERR_ORBIT_ACTOR_LOST',
      outcome: 'done',
      retryable: false,
    })
  }
  expect(await alarm.rings()).toBe(0)
  await made.advance(100)
  expect(await alarm.rings()).toBe(10)
  expect(() => made.dropReplies(-1)).toThrow('count=-1')
  expect(made.fleet.isShared).toBe(false)
})
