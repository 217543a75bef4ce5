import { Presence } from 'orbit-node'
import { expect, it } from 'vitest'
import type { HostCounts } from '../src/host/counts.js'
import { Actor, actors, memory } from '../src/index.js'
import { Log, localFleet, start, until } from './help/systems.js'

const gates: (() => void)[] = []

class Desk extends Actor {
  static readonly actor = { mailbox: 3, full: 'refuse', onError: 'restart' } as const
  async hold(): Promise<void> {
    await new Promise<void>((resolve) => gates.push(resolve))
  }
  async askOther(key: string): Promise<void> {
    await this.ctx.actor<Desk>('Desk', key).hold()
  }
  quick(): void {}
  fail(): void {
    throw new Error('failed')
  }
}
class Other extends Actor {
  call(): void {}
}
class Boss extends Actor {
  static readonly actor = { readonly: ['ask'] } as const
  async ask(method: 'hold' | 'quick'): Promise<void> {
    await this.ctx.child(Desk, 'a/b')[method]()
  }
}
const classes = { Desk, Other, Boss }

it('shows the actors of all processes, and the calls that wait and run with their chains', async () => {
  const fleet = localFleet()
  const host = start({ fleet, actors: classes, log: new Log() })
  const caller = start<typeof classes>({ fleet, host: false })
  await caller.get('Other', 'x').call()
  const calls = [caller.get('Desk', 'a').askOther('b'), caller.get('Desk', 'b').quick()]
  await until(() => gates.length === 1)
  const { hosts, orphans } = await caller.inspect({ type: 'Desk' })
  expect(orphans).toEqual([])
  const [{ id, partitions, report } = { id: '', partitions: [], report: undefined }] = hosts
  expect([hosts.length, id.split('.').length, partitions.length]).toEqual([1, 2, 16])
  expect(report).toMatchObject({ pid: process.pid, active: 3, waiting: 1, running: 2, calls: 4 })
  expect(report?.actors).toEqual([
    { type: 'Desk', key: 'b', waiting: 1, running: 1, oldestMs: expect.any(Number) },
    { type: 'Desk', key: 'a', waiting: 0, running: 1, oldestMs: 0 },
  ])
  const shown = report?.waits
    .map(({ actor, method, state, chain }) => [actor, method, state, chain.join(' ')].join(' '))
    .sort()
  expect(shown).toEqual(['Desk/a askOther running ', 'Desk/b hold running Desk/a', 'Desk/b quick waiting '])
  const one = await caller.inspect({ type: 'Desk', key: 'a' })
  expect(one.hosts[0]?.report?.actors.map(({ key }) => key)).toEqual(['a'])
  gates.splice(0)[0]?.()
  await Promise.all(calls)
  await host.close()
  expect(await caller.inspect()).toEqual({ hosts: [], orphans: Array.from({ length: 16 }, (_, i) => i) })
  await expect(caller.inspect({ timeoutMs: 0 })).rejects.toThrow('timeoutMs=0')
})

it('shows the calls of children, and counts them', async () => {
  const host = start({ fleet: localFleet(), actors: classes, log: new Log() })
  const calls = [host.get('Boss', 'a').ask('hold'), host.get('Boss', 'a').ask('quick')]
  await until(() => gates.length === 1)
  const { report } = (await host.inspect({ type: 'Boss' })).hosts[0] ?? {}
  expect(report).toMatchObject({ active: 1, waiting: 1, running: 3, actors: [{ key: 'a', waiting: 0, running: 2 }] })
  const ofChild = report?.waits
    .filter(({ actor }) => actor === '/Boss/a/a%2Fb')
    .map(({ method, state }) => [method, state])
  expect(ofChild?.sort()).toEqual([
    ['hold', 'running'],
    ['quick', 'waiting'],
  ])
  expect(report?.waits.every(({ forMs }) => forMs < 60_000)).toBe(true)
  gates.splice(0)[0]?.()
  await Promise.all(calls)
})

it('says in shared memory how many actors are active and which calls wait', async () => {
  const fleet = localFleet()
  const host = start({ fleet, actors: classes, log: new Log() })
  const desk = host.get('Desk', 'a')
  const calls = [desk.hold(), desk.quick(), desk.quick()]
  await until(() => gates.length === 1)
  const presence = new Presence<{ counts: HostCounts }>(fleet, { name: 'actors.default' })
  const counts = () => presence.list()[0]?.value.counts
  await until(() => counts()?.waiting === 2 && counts()?.active === 1)
  expect(counts()).toEqual({
    partitions: 16,
    active: 1,
    waiting: 2,
    oldestMs: expect.any(Number),
    callsPerSecond: expect.any(Number),
  })
  gates.splice(0)[0]?.()
  await Promise.all(calls)
  await until(() => counts()?.waiting === 0)
  expect(counts()).toMatchObject({ partitions: 16, oldestMs: 0 })
})

it('counts calls, failures, refusals and crashes in the form of Prometheus', async () => {
  const fleet = localFleet()
  const host = start({ fleet, actors: classes, log: new Log(), name: 'a "b"' })
  const desk = host.get('Desk', 'a')
  await desk.quick()
  await expect(desk.fail()).rejects.toThrow('failed')
  const held = desk.hold()
  await until(() => gates.length === 1)
  const refused = Array.from({ length: 5 }, () => desk.quick().catch(() => 'refused'))
  const values = Object.fromEntries(host.metrics()?.metrics.map(({ name, samples }) => [name, samples[0]?.value]) ?? [])
  expect(values).toEqual({
    orbit_actors_partitions: 16,
    orbit_actors_active: 1,
    orbit_actors_waiting: 3,
    orbit_actors_running: 1,
    orbit_actors_oldest_wait_seconds: expect.any(Number),
    orbit_actors_calls_total: 8,
    orbit_actors_failures_total: 1,
    orbit_actors_refused_total: 2,
    orbit_actors_crashes_total: 1,
    orbit_actors_commits_total: 0,
    orbit_actors_commit_changes_total: 0,
    orbit_actors_commit_failures_total: 0,
    orbit_actors_commit_seconds_total: 0,
    orbit_actors_commit_longest_seconds: 0,
  })
  expect(String(host.metrics())).toContain(
    '# HELP orbit_actors_waiting Calls that wait for their turn.\n# TYPE orbit_actors_waiting gauge\norbit_actors_waiting{system="a \\"b\\""} 3\n',
  )
  gates.splice(0)[0]?.()
  await held
  await Promise.all(refused)
  const caller = actors<typeof classes>({ fleet, host: false })
  expect(caller.metrics()).toBeUndefined()
  await caller.close()
})

class Note extends Actor<{ text: string }> {
  write(text: string) {
    this.ctx.storage.put('text', text)
  }
  remind(at: number) {
    this.ctx.setAlarm('later', at)
    this.ctx.outbox<Desk>('Desk', 'b').hold()
  }
}

it('shows what is kept of each partition, and counts commits', async () => {
  const fleet = localFleet()
  const host = start({ fleet, actors: { Note, ...classes }, log: new Log(), store: memory() })
  const caller = start<{ Note: typeof Note }>({ fleet, host: false })
  const [partition, at] = [caller.partitionOf('Note', 'a'), Date.now() + 3_600_000]
  await caller.get('Note', 'a').write('text')
  await caller.get('Note', 'a').with({ idempotencyKey: 'once' }).remind(at)
  await until(() => gates.length === 1)
  const look = async () => (await caller.inspect({ state: true })).hosts[0]?.state ?? []
  let states = await look()
  while (states.length < 16) states = await look()
  expect(states.map((state) => state.partition)).toEqual(Array.from({ length: 16 }, (_, i) => i))
  expect(states[partition]).toMatchObject({ actors: 1, alarms: 1, nextAlarmMs: at, messages: 1, replies: 1 })
  expect(states[partition]).toMatchObject({ commits: 2, changes: 5, failures: 0 })
  expect(states[partition]?.bytes).toBeGreaterThan(0)
  expect((await caller.inspect()).hosts[0]).not.toHaveProperty('state')
  const { metrics = [] } = host.metrics() ?? {}
  const total = metrics.find(({ name }) => name === 'orbit_actors_commits_total')
  expect(total?.samples[0]?.value).toBeGreaterThanOrEqual(2)
  for (const release of gates.splice(0)) release()
})
