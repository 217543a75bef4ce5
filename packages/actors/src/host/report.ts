import type { Activation } from './activation.js'
import type { Turn } from './turn.js'

/** An active actor, as `inspect` shows it. */
export interface ActorEntry {
  /** The name under which its class is registered. */
  readonly type: string
  /** Its key. */
  readonly key: string
  /** How many calls wait for it. */
  readonly waiting: number
  /** How many of its methods run. */
  readonly running: number
  /** How long the oldest call has waited, in milliseconds; 0: none waits. */
  readonly oldestMs: number
}

/** A call that waits or runs, as `inspect` shows it. */
export interface WaitEntry {
  /** The actor that is called: its type, "/", and its key. */
  readonly actor: string
  /** The method; '' for a timer. */
  readonly method: string
  /** Whether it waits for its turn, or runs. */
  readonly state: 'waiting' | 'running'
  /** For how long, in milliseconds. */
  readonly forMs: number
  /** The actors that wait for it, the first caller first. */
  readonly chain: readonly string[]
}

/** What is asked about a process: all of its actors, those of a type, or one. */
export interface ReportQuery {
  readonly type?: string | undefined
  readonly key?: string | undefined
}

/** What a process says about its actors. */
export interface HostReport {
  /** Its process. */
  readonly pid: number
  /** How many actors are active. */
  readonly active: number
  /** How many calls wait. */
  readonly waiting: number
  /** How many methods run. */
  readonly running: number
  /** How many calls its actors have taken so far. */
  readonly calls: number
  /** The actors that were asked for, those for which most calls wait first; at most 1000. */
  readonly actors: readonly ActorEntry[]
  /** The calls that wait or run, of those actors, the oldest first; at most 200. */
  readonly waits: readonly WaitEntry[]
}

const [mostActors, mostWaits] = [1000, 200]

/** A report on activations. */
export function reportOn(
  all: Iterable<Activation>,
  { type, key }: ReportQuery,
  nowMs: number,
  calls: number,
): HostReport {
  const actors: ActorEntry[] = []
  const waits: WaitEntry[] = []
  let [active, waiting, running] = [0, 0, 0]
  for (const activation of all) {
    const [waitingHere, runningHere] = [[...activation.waiting], [...activation.running, ...activation.streaming]]
    active++
    waiting += waitingHere.length
    running += runningHere.length
    if ((type ?? activation.type.name) !== activation.type.name || (key ?? activation.key) !== activation.key) continue
    const waitOf = (state: WaitEntry['state']) => (turn: Turn) => {
      const { method, chain, sinceMs } = turn
      return { actor: activation.id, method, state, forMs: Math.round(nowMs - sinceMs), chain }
    }
    const waitsHere = waitingHere.map(waitOf('waiting'))
    waits.push(...waitsHere, ...runningHere.map(waitOf('running')))
    const oldestMs = waitsHere.reduce((most, { forMs }) => Math.max(most, forMs), 0)
    const counts = { waiting: waitingHere.length, running: runningHere.length, oldestMs }
    actors.push({ type: activation.type.name, key: activation.key, ...counts })
  }
  actors.sort((a, b) => b.waiting - a.waiting || b.running - a.running)
  waits.sort((a, b) => b.forMs - a.forMs)
  const lists = { actors: actors.slice(0, mostActors), waits: waits.slice(0, mostWaits) }
  return { pid: process.pid, active, waiting, running, calls, ...lists }
}
