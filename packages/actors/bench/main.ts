// npm run bench:actors: what a call of an actor costs, in this process and in a sibling, beside what it is built on.
// All ways are measured in turn, round by round, in one run: compare ratios, not microseconds of different runs.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Actor, actors } from 'orbit-actors'
import { Client, Fleet } from 'orbit-node'
import type { Adder, raw } from './host.js'

class Local extends Actor {
  add(a: number, b: number): number {
    return a + b
  }
  async addLater(a: number, b: number): Promise<number> {
    return a + b
  }
}

type Way = (i: number) => Promise<unknown>
const [rounds, callsARound, inFlight, activations] = [15, 400, 64, 100_000]
const name = `bench-actors-${process.pid}`

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number

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

async function compare(ways: Record<string, Way>, measure: typeof together, calls: number) {
  const results = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [title, way] of Object.entries(ways)) results.get(title)?.push(await measure(way, calls))
  }
  return new Map([...results].map(([title, values]) => [title, median(values.slice(2))]))
}

function print(title: string, results: Map<string, number>): void {
  console.log(`\n${title}`)
  const [[, base] = ['', 1]] = results
  for (const [way, us] of results) {
    console.log(`  ${way.padEnd(34)} ${us.toFixed(2).padStart(8)} us  ${(us / base).toFixed(2).padStart(7)} x`)
  }
}

async function measureActivations(get: (key: string) => { add(a: number, b: number): Promise<number> }) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const keys = Array.from({ length: activations }, (_, i) => `actor ${i}`)
  collect()
  const before = process.memoryUsage().heapUsed
  const begun = performance.now()
  for (const key of keys) await get(key).add(1, 2)
  const us = ((performance.now() - begun) * 1000) / activations
  collect()
  const bytes = (process.memoryUsage().heapUsed - before) / activations
  console.log(
    `\n${activations} activations by their first calls: ${us.toFixed(2)} us and ${bytes.toFixed(0)} bytes of heap each`,
  )
}

const fleet = Fleet.joinShm(name)
const host = fork(new URL('host.ts', import.meta.url), [name], { execArgv: ['--import', 'tsx'] })
await once(host, 'message')
const waiting = new Map<number, (sum: number) => void>()
host.on('message', ({ id, sum }: { id: number; sum: number }) => {
  waiting.get(id)?.(sum)
  waiting.delete(id)
})
let sent = 0
const client = new Client<typeof raw>(fleet, 'raw')
const sibling = actors<{ Adder: typeof Adder }>({ fleet, host: false })
const adder = sibling.get('Adder', 'a')
const siblings: Record<string, Way> = {
  'call of orbit-node': (i) => client.call('add', { a: i, b: 1 }),
  'call of an actor': (i) => adder.add(i, 1),
  'process.send and back': (i) =>
    new Promise((resolve) => {
      const id = sent++
      waiting.set(id, resolve)
      host.send({ id, a: i, b: 1 })
    }),
}
print('a sibling process, back to back', await compare(siblings, backToBack, callsARound))
print(`a sibling process, ${inFlight} under way, for each`, await compare(siblings, together, callsARound * 4))

const here = actors({ fleet, actors: { Local }, name: 'local' })
const local = here.get('Local', 'a')
await local.add(1, 2)
const own: Record<string, Way> = {
  'async function': async (i) => i + 1,
  'call of an actor, plain method': (i) => local.add(i, 1),
  'call of an actor, async method': (i) => local.addLater(i, 1),
}
print('this process, back to back', await compare(own, backToBack, callsARound * 50))
await measureActivations((key) => here.get('Local', key))

host.kill('SIGKILL')
await once(host, 'exit')
await sibling.close()
await here.close()
fleet.close()
