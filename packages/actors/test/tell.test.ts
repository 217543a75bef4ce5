import { OrbitEventBus } from 'orbit-node'
import { describe, expect, it } from 'vitest'
import { Actor, type ActorSystem } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

const gates: (() => void)[] = []

class Diary extends Actor {
  static readonly actor = { mailbox: 2, full: 'drop' } as const
  readonly #lines: string[] = []
  note(line: string): void {
    this.#lines.push(line)
  }
  async hold(): Promise<void> {
    await new Promise<void>((resolve) => gates.push(resolve))
  }
  lines(): string[] {
    return this.#lines
  }
  fail(): void {
    throw new Error('no paper')
  }
  publish(): void {
    this.ctx.emit('diary.closed', { key: this.ctx.key })
  }
  async tellItself(): Promise<void> {
    this.ctx.actor<Diary>('Diary', this.ctx.key).tell.note('from itself')
  }
}

const classes = { Diary }
const callers = [
  { where: 'the same process', caller: (host: ActorSystem<typeof classes>) => host },
  {
    where: 'another process',
    caller: (_: unknown, fleet: ReturnType<typeof localFleet>, log: Log) =>
      start<typeof classes>({ fleet, host: false, log }),
  },
]

describe.each(callers)('telling an actor in $where', ({ caller }) => {
  function pair() {
    gates.length = 0
    const fleet = localFleet()
    const logs = { host: new Log(), caller: new Log() }
    const host = start({ fleet, actors: classes, log: logs.host })
    return { fleet, logs, host, diary: caller(host, fleet, logs.caller).get('Diary', 'a') }
  }

  it('returns nothing, and runs the method in the order of the calls', async () => {
    const { diary } = pair()
    expect(diary.tell.note('one')).toBeUndefined()
    const lines = diary.lines()
    diary.tell.note('two')
    expect(await lines).toEqual(['one'])
    expect(await diary.lines()).toEqual(['one', 'two'])
  })

  it('logs what the method throws, in the process of the actor', async () => {
    const { diary, logs } = pair()
    diary.tell.fail()
    await diary.lines()
    expect(logs.host.lines.map(([id, text]) => `${id} ${text}`)).toEqual(['Diary/a fail failed:'])
    expect(String(logs.host.lines[0]?.[2])).toContain('no paper')
  })

  it('logs that the method was not called, in this process', async () => {
    const { diary, logs } = pair()
    await diary.lines()
    const controller = new AbortController()
    controller.abort(new Error('changed my mind'))
    diary.with({ signal: controller.signal }).tell.note('never')
    ;(diary.tell as unknown as { erase(): void }).erase()
    const said = () => [...logs.host.lines, ...logs.caller.lines].map(([id, text]) => `${id} ${text}`)
    await until(() => said().length === 2)
    expect(said().sort()).toEqual(['Diary/a erase was not called:', 'Diary/a note was not called:'])
    expect(await diary.lines()).toEqual([])
  })

  it('drops what is over the limit of the mailbox with full: drop, and refuses calls there', async () => {
    const { diary } = pair()
    const held = diary.hold()
    await until(() => gates.length > 0)
    for (const line of ['1', '2', '3', '4']) diary.tell.note(line)
    await expect(diary.lines()).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_BUSY', outcome: 'not-run' })
    gates[0]?.()
    await held
    expect(await diary.lines()).toEqual(['1', '2'])
  })

  it('is no cycle when an actor tells itself', async () => {
    const { diary } = pair()
    await diary.tellItself()
    expect(await diary.lines()).toEqual(['from itself'])
  })
})

it('publishes events of actors on the bus of the fleet', async () => {
  const fleet = localFleet()
  const cursor = new OrbitEventBus(fleet).cursor()
  await start({ fleet, actors: classes }).get('Diary', 'a').publish()
  const [event] = cursor.poll().events
  expect(event?.topic).toBe('diary.closed')
  expect(event?.json()).toEqual({ key: 'a' })
})
