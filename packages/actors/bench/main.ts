// npm run bench:actors [PART ...]: what calls of actors cost, and how fast failures are noticed; parts are calls,
// actors, deaths, supervision, cycles and victims, default all. What is compared is measured in turn, round by round,
// in one run: compare ratios, not microseconds of different runs. The part victims makes ORBIT_BENCH_CALLS calls,
// default 1,000,000, for at most ORBIT_BENCH_SECONDS, default 600.
import { Fleet } from 'orbit-node'
import { calls, manyActors } from './calls.js'
import { cycles, supervision, takeOvers, victims } from './failures.js'
import { type Figure, print } from './figures.js'
import { kill, startHost } from './processes.js'

const [mostCalls, mostSeconds] = [
  Number(process.env['ORBIT_BENCH_CALLS'] ?? 1_000_000),
  Number(process.env['ORBIT_BENCH_SECONDS'] ?? 600),
]

async function withHost(fleet: Fleet, run: (host: Awaited<ReturnType<typeof startHost>>) => Promise<Figure[]>) {
  const host = await startHost(fleet.name)
  try {
    return await run(host)
  } finally {
    await kill(host)
  }
}

const parts: Record<string, [title: string, run: (fleet: Fleet) => Promise<Figure[]>]> = {
  calls: ['Calls', (fleet) => withHost(fleet, (host) => calls(fleet, host))],
  actors: ['Actors', manyActors],
  deaths: ['Deaths', takeOvers],
  supervision: ['Supervision', supervision],
  cycles: ['Cycles', cycles],
  victims: ['False victims', (fleet) => victims(fleet, mostCalls, mostSeconds)],
}

const asked = process.argv.slice(2)
const unknown = asked.find((part) => parts[part] === undefined)
if (unknown !== undefined) {
  console.error(`bench:actors: there is no part ${unknown}: ${Object.keys(parts).join(' ')}`)
  process.exit(2)
}
for (const [part, [title, run]] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(part)) continue
  using fleet = Fleet.joinShm(`bench-actors-${process.pid}-${part}`, { lifetime: 'fleet' })
  print(title, await run(fleet))
}
process.exit()
