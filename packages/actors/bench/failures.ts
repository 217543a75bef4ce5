import { type ChildProcess, fork } from 'node:child_process'
import { type ActorError, actors, superviseWorkers, type WorkerEvent } from 'orbit-actors'
import type { Fleet } from 'orbit-node'
import { type Figure, median, ms } from './figures.js'
import { classes } from './host.js'
import { kill, pause, startHost } from './processes.js'

const [deaths, restarts, meetings] = [10, 10, 10]

/** From the end of a killed process, by the kernel's word, to the answer of its actor from another process. */
export async function takeOvers(fleet: Fleet): Promise<Figure[]> {
  const hosts = new Map<number, ChildProcess>()
  const add = async () => {
    const host = await startHost(fleet.name)
    hosts.set(host.pid as number, host)
  }
  await Promise.all([add(), add(), add()])
  await using system = actors<typeof classes>({ fleet, host: false })
  const [fromKill, fromExit]: [number[], number[]] = [[], []]
  for (let i = 0; i < deaths; i++) {
    const adder = system.get('Adder', `victim ${i}`)
    const pid = await adder.pid()
    const host = hosts.get(pid) as ChildProcess
    hosts.delete(pid)
    const killed = performance.now()
    let exited = 0
    const gone = kill(host).then(() => {
      exited = performance.now()
    })
    // The process may answer between the signal and its end.
    while ((await adder.pid().catch(() => pid)) === pid);
    const answered = performance.now()
    await gone
    fromKill.push(answered - killed)
    fromExit.push(answered - exited)
    await add()
    await pause(300) // partitions move to the new process
  }
  await Promise.all([...hosts.values()].map(kill))
  const worst = Math.max(...fromExit)
  return [
    { what: 'first call after SIGKILL, from the signal', value: ms(median(fromKill)) },
    { what: '  from the end of the process', value: `${ms(median(fromExit))}`, goal: '60 ms or less' },
    { what: `  the longest of ${deaths}`, value: ms(worst) },
  ]
}

/** From the exit of a worker to the start of the next. */
export async function supervision(): Promise<Figure[]> {
  const start = () => fork(new URL('idle.mjs', import.meta.url))
  const times: number[] = []
  let ended = 0
  let next = () => {}
  const onEvent = ({ what }: WorkerEvent) => {
    if (what === 'exited') ended = performance.now()
    if (what === 'started' && ended > 0) times.push(performance.now() - ended)
    if (what === 'started') next()
  }
  const supervisor = superviseWorkers({ workers: [{ name: 'w', start }], restarts: 1000, onEvent })
  for (let i = 0; i < restarts; i++) {
    await pause(100)
    const started = new Promise<void>((resolve) => {
      next = resolve
    })
    ;(supervisor.get('w') as ChildProcess).kill('SIGKILL')
    await started
  }
  await supervisor.close()
  return [{ what: 'a worker is started again after its exit', value: ms(median(times)), goal: 'less than 10 ms' }]
}

const isCycle = (error: unknown): boolean => (error as ActorError).code === 'ERR_ORBIT_ACTOR_CYCLE'

/** Calls that wait for each other, and calls that do not. */
export async function cycles(fleet: Fleet): Promise<Figure[]> {
  const hosts = await Promise.all([startHost(fleet.name), startHost(fleet.name)])
  await using system = actors<typeof classes>({ fleet, host: false })
  for (let i = 0; i < 50; i++) await system.get('Node', `n${i}`).rest()
  const [chains, crossings]: [number[], number[]] = [[], []]
  for (let i = 0; i < meetings; i++) {
    const begun = performance.now()
    const error = await system
      .get('Node', `n${i}`)
      .pass([`n${i + 20}`, `n${i}`], 0)
      .catch((error: unknown) => error)
    if (!isCycle(error)) throw error
    chains.push(performance.now() - begun)
  }
  for (let i = 0; i < meetings; i++) {
    const [a, b] = [`n${i}`, `n${i + 20}`]
    const both = [system.get('Node', a).meet(b, 5), system.get('Node', b).meet(a, 5)]
    await pause(5)
    const begun = performance.now()
    const results = await Promise.allSettled(both)
    crossings.push(performance.now() - begun)
    if (results.filter(({ status }) => status === 'rejected').length !== 1) throw new Error('not one victim')
  }
  await Promise.all(hosts.map(kill))
  return [
    { what: 'a call that comes back is refused after', value: ms(median(chains)), goal: 'less than 5 ms' },
    { what: 'a cycle of two chains is broken after', value: ms(median(crossings)), goal: 'less than 250 ms' },
    { what: '  the longest', value: ms(Math.max(...crossings)) },
  ]
}

/** Every so many chains, the last actor takes so long that all that wait for it ask whether they are in a cycle. */
const [holdEvery, holdMs] = [400, 150]

/**
 * Chains of calls over the actors of three processes, always in one order, so none of them is in a cycle. The chains
 * wait for each other at each of their steps.
 */
export async function victims(fleet: Fleet, most: number, seconds: number): Promise<Figure[]> {
  const hosts = await Promise.all([startHost(fleet.name), startHost(fleet.name)])
  await using system = actors({ fleet, actors: classes })
  const places = async () => {
    const keys = Array.from({ length: 48 }, (_, i) => `n${i}`)
    return new Set(await Promise.all(keys.map((key) => system.get('Adder', key).pid()))).size
  }
  while ((await places()) < 3) await pause(10)
  const [width, depth, lanes] = [4, 8, 32]
  let [made, refused, held] = [0, 0, 0]
  const end = performance.now() + seconds * 1000
  const lane = async (seed: number) => {
    for (let i = seed; made < most && performance.now() < end; i += lanes) {
      const keys = Array.from({ length: depth }, (_, level) => `${level} ${(i * (level + 3)) % width}`)
      const [first, ...rest] = keys
      const isHeld = i % holdEvery === 0
      if (isHeld) held++
      try {
        const passed = await system.get('Node', first as string).pass(rest, isHeld ? holdMs : 0)
        made += passed
      } catch (error) {
        if (!isCycle(error)) throw error
        refused++
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, seed) => lane(seed + 1)))
  await Promise.all(hosts.map(kill))
  return [
    { what: `refused calls without a cycle, of ${made}`, value: String(refused), goal: '0' },
    { what: '  times that a chain was held so long that others asked', value: String(held) },
  ]
}
