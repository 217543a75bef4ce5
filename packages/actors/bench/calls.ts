import type { ChildProcess } from 'node:child_process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { dispatch, query, spawn, start } from 'nact'
import { Actor, actors } from 'orbit-actors'
import { Client, type Fleet } from 'orbit-node'
import { type Figure, median, times, us } from './figures.js'
import type { Adder, raw } from './host.js'
import { cpuMicroseconds } from './processes.js'

class Local extends Actor {
  add(a: number, b: number): number {
    return a + b
  }
  async addLater(a: number, b: number): Promise<number> {
    return a + b
  }
}

type Way = (i: number) => Promise<unknown>
const [rounds, warmUp, callsARound, inFlight, activations] = [21, 3, 400, 64, 100_000]
const [cpuRounds, cpuCalls] = [8, 4000]

/** Microseconds of a call, back to back. */
async function backToBack(way: Way, calls: number): Promise<number> {
  const begun = performance.now()
  for (let i = 0; i < calls; i++) await way(i)
  return ((performance.now() - begun) * 1000) / calls
}

/** Microseconds for each call while so many are under way. */
async function together(way: Way, calls: number): Promise<number> {
  const begun = performance.now()
  let made = 0
  const lane = async () => {
    while (made++ < calls) await way(made)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return ((performance.now() - begun) * 1000) / calls
}

/** Medians of all ways, measured in turn, round by round. */
async function compare<T extends Record<string, Way>>(ways: T, measure: typeof together, calls: number) {
  const results = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [title, way] of Object.entries(ways)) results.get(title)?.push(await measure(way, calls))
  }
  const medians = [...results].map(([title, values]) => [title, median(values.slice(warmUp))])
  return Object.fromEntries(medians) as Record<keyof T, number>
}

/** process.send to a child, and its answer. */
function sending(host: ChildProcess): Way {
  const waiting = new Map<number, (sum: number) => void>()
  host.on('message', ({ id, sum }: { id?: number; sum: number }) => {
    if (id === undefined) return
    waiting.get(id)?.(sum)
    waiting.delete(id)
  })
  let sent = 0
  return (i) =>
    new Promise((resolve) => {
      const id = sent++
      waiting.set(id, resolve)
      host.send({ id, a: i, b: 1 })
    })
}

/** What another process has used of the processor so far. */
async function cpuOf(host: ChildProcess): Promise<number> {
  const answer = new Promise<number>((resolve) => {
    const hear = ({ cpu }: { cpu?: number }) => {
      if (cpu === undefined) return
      host.off('message', hear)
      resolve(cpu)
    }
    host.on('message', hear)
  })
  host.send('cpu')
  return answer
}

/** Microseconds of the processor that a call takes in both processes while many are under way: the least of several. */
async function cpuOfCalls(way: Way, host: ChildProcess): Promise<string> {
  let [caller, server] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < cpuRounds; round++) {
    const [here, there] = [cpuMicroseconds(), await cpuOf(host)]
    await together(way, cpuCalls)
    caller = Math.min(caller, (cpuMicroseconds() - here) / cpuCalls)
    server = Math.min(server, ((await cpuOf(host)) - there) / cpuCalls)
  }
  return `${caller.toFixed(2)} + ${server.toFixed(2)} us`
}

/** Calls of a sibling process, and within this one. */
export async function calls(fleet: Fleet, host: ChildProcess): Promise<Figure[]> {
  const client = new Client<typeof raw>(fleet, 'raw')
  await using sibling = actors<{ Adder: typeof Adder }>({ fleet, host: false })
  const adder = sibling.get('Adder', 'a')
  const ways = {
    raw: ((i) => client.call('add', { a: i, b: 1 })) as Way,
    actor: ((i) => adder.add(i, 1)) as Way,
    send: sending(host),
  }
  const alone = await compare(ways, backToBack, callsARound)
  const many = await compare(ways, together, callsARound * 4)
  const cpu: string[] = []
  for (const way of [ways.actor, ways.raw, ways.send]) cpu.push(await cpuOfCalls(way, host))
  const own = await within(fleet)
  return [
    { what: 'call of a sibling, back to back', value: us(alone.actor) },
    { what: '  beside a call of orbit-node', value: times(alone.actor / alone.raw), goal: '1.3 x or less' },
    { what: '  beside process.send and its answer', value: times(alone.actor / alone.send) },
    {
      what: `call of a sibling, ${inFlight} under way, each`,
      value: us(many.actor),
      promise: '500 k/s to 1 M/s a core',
    },
    { what: '  beside a call of orbit-node', value: times(many.actor / many.raw) },
    { what: '  calls for each by process.send', value: times(many.send / many.actor), goal: '2 x or more' },
    { what: '  calls of orbit-node for each by process.send', value: times(many.send / many.raw) },
    { what: '  processor time of its caller and of the other', value: cpu[0] as string },
    { what: '  that of a call of orbit-node', value: cpu[1] as string },
    { what: '  that of process.send', value: cpu[2] as string },
    { what: 'call within a process', value: us(own.plain), goal: '2 us or less', promise: '500 k/s to 1 M/s a core' },
    { what: '  of an async method', value: us(own.later) },
    { what: '  faster than a call of a sibling', value: times(alone.actor / own.plain), goal: '8 x or more' },
    { what: 'query of nact, which is within a process', value: us(own.query) },
    { what: '  dispatch of nact, without an answer', value: us(own.dispatch) },
    { what: '  tell of an actor, without an answer', value: us(own.tell) },
  ]
}

/** Calls within this process, beside nact. */
async function within(fleet: Fleet) {
  await using here = actors({ fleet, actors: { Local }, name: 'local' })
  const local = here.get('Local', 'a')
  await local.add(1, 2)
  const system = start()
  type Message = { a: number; b: number; sender?: never }
  const peer = spawn(system, (state: undefined, { a, b, sender }: Message) => {
    if (sender !== undefined) dispatch(sender, (a + b) as never)
    return state
  })
  const ask = ((i: number) =>
    query(peer as never, ((sender: never) => ({ a: i, b: 1, sender })) as never, 10_000)) as unknown as Way
  const told = async (i: number) => {
    dispatch(peer as never, { a: i, b: 1 } as never)
  }
  const tell = async (i: number) => local.tell.add(i, 1)
  return await compare(
    {
      plain: (i: number) => local.add(i, 1),
      later: (i: number) => local.addLater(i, 1),
      tell,
      query: ask,
      dispatch: told,
    },
    backToBack,
    callsARound * 25,
  )
}

/** First calls of many actors. */
export async function manyActors(fleet: Fleet): Promise<Figure[]> {
  await using here = actors({ fleet, actors: { Local }, name: 'local' })
  await here.get('Local', 'first').add(1, 2)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const keys = Array.from({ length: activations }, (_, i) => `actor ${i}`)
  collect()
  const before = process.memoryUsage().heapUsed
  const begun = performance.now()
  for (const key of keys) await here.get('Local', key).add(1, 2)
  const each = ((performance.now() - begun) * 1000) / activations
  collect()
  const bytes = (process.memoryUsage().heapUsed - before) / activations
  return [
    { what: 'actors active in this process', value: String(here.size), promise: '10,000 and more' },
    { what: 'first call of an actor', value: us(each), goal: '10 us or less', promise: 'less than 100 us' },
    {
      what: 'heap of an active actor',
      value: `${bytes.toFixed(0)} B`,
      goal: '1024 B or less',
      promise: 'less than 1 KB',
    },
  ]
}
