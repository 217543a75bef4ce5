import type { Activation } from './activation.js'
import type { Turn } from './turn.js'

/** An active actor, as `inspect` shows it. */
export interface ActorEntry {
  /** The name under which its class is registered. */
  readonly type: string
  /** The key of the actor. */
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
  /** The actor that is called: its type, "/", and its key; of a child, "/", the id of its parent, "/", and its name. */
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
  /** The pid of the process. */
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
  /** The calls that wait or run, of those actors and their children, the oldest first; at most 200. */
  readonly waits: readonly WaitEntry[]
}

const [mostActors, mostWaits] = [1000, 200]

function waitOf(actor: string, { method, chain, sinceMs }: Turn, state: WaitEntry['state'], nowMs: number): WaitEntry {
  return { actor, method, state, forMs: Math.round(nowMs - sinceMs), chain }
}

/** The calls that wait for an activation, or run in it. */
function waitsAt({ id, waiting, running, streaming }: Activation, nowMs: number): WaitEntry[] {
  const waits = [...waiting].map((turn) => waitOf(id, turn, 'waiting', nowMs))
  return [...waits, ...[...running, ...streaming].map((turn) => waitOf(id, turn, 'running', nowMs))]
}

/** Those of its children, and of theirs. */
function* waitsOfChildren({ children }: Activation, nowMs: number): Generator<WaitEntry, void, undefined> {
  for (const { id, turn } of children?.waits() ?? []) yield waitOf(id, turn, 'waiting', nowMs)
  for (const child of children?.activations() ?? []) {
    yield* waitsAt(child, nowMs)
    yield* waitsOfChildren(child, nowMs)
  }
}

/** Those that wait, and those that run. */
function split(waits: readonly WaitEntry[]): [waiting: readonly WaitEntry[], running: readonly WaitEntry[]] {
  return [waits.filter(({ state }) => state === 'waiting'), waits.filter(({ state }) => state === 'running')]
}

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
    const here = waitsAt(activation, nowMs)
    const ofChildren = [...waitsOfChildren(activation, nowMs)]
    const [waitingHere, runningHere] = split(here)
    const [waitingThere, runningThere] = split(ofChildren)
    active++
    waiting += waitingHere.length + waitingThere.length
    running += runningHere.length + runningThere.length
    if ((type ?? activation.type.name) !== activation.type.name || (key ?? activation.key) !== activation.key) continue
    waits.push(...here, ...ofChildren)
    const oldestMs = waitingHere.reduce((most, { forMs }) => Math.max(most, forMs), 0)
    const counts = { waiting: waitingHere.length, running: runningHere.length, oldestMs }
    actors.push({ type: activation.type.name, key: activation.key, ...counts })
  }
  actors.sort((a, b) => b.waiting - a.waiting || b.running - a.running)
  waits.sort((a, b) => b.forMs - a.forMs)
  const lists = { actors: actors.slice(0, mostActors), waits: waits.slice(0, mostWaits) }
  return { pid: process.pid, active, waiting, running, calls, ...lists }
}
