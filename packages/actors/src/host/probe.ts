import { deserialize, serialize } from 'node:v8'
import type { Activation } from './activation.js'
import type { Turn } from './turn.js'

/** A call, and the actor that it is for. */
export interface Wait {
  readonly callId: string
  readonly actor: string
}

/** The call that is refused if it waits for itself, and the process in which it waits. */
export interface Victim extends Wait {
  readonly host: string
}

/** A question along the calls that wait for each other: does the first one wait for itself? */
export interface Probe {
  /** The call that is refused if it does. */
  readonly victim: Victim
  /** Tells the questions of a victim apart. */
  readonly round: number
  /** The actors that wait for the victim. */
  readonly chain: readonly string[]
  readonly deadlineMs: number
  /** The actors that were passed, from that of the victim on. */
  readonly path: readonly string[]
  /** The call at which the question is now. */
  readonly at: Wait & { readonly isHeld?: boolean }
}

/** The end of a question: the victim waits for itself. */
export interface Verdict {
  readonly victim: Victim
  readonly path: readonly string[]
}

/** What the prober needs of its host. */
export interface ProbePosts {
  /** The host of this process. */
  readonly host: string
  /** The activation of an actor in this process; if there are several, that which has the call. */
  find(actor: string, callId: string): Activation | undefined
  /** Brings a probe to the process of an actor, if there is one. */
  probe(actor: string, bytes: Uint8Array): void
  /** Brings a verdict to a host. */
  judge(host: string, bytes: Uint8Array): void
}

const maxPath = 64

/**
 * Finds calls of several chains that wait for each other, by probes along them (Chandy, Misra and Haas). A call that
 * has waited for a while asks. Of the calls of a cycle, only the question of the youngest gets around, so one call is
 * refused. A call that is not in a cycle is never refused: a probe passes only calls that are still open, so when it is
 * back, all of them have been open at the same time.
 */
export class Prober {
  readonly #posts: ProbePosts
  /** The turns that waited at the last look. */
  #waited = new Set<Turn>()
  #round = 0
  /** The calls to which each question has gone since the last look: more than one way may lead to a call. */
  readonly #passed = new Set<string>()

  constructor(posts: ProbePosts) {
    this.#posts = posts
  }

  /** Asks for each call that has waited since the last look. */
  look(blocked: Iterable<Activation>): void {
    this.#round++
    this.#passed.clear()
    const waiting = new Set<Turn>()
    for (const activation of blocked) {
      for (const turn of activation.waiting) {
        if (turn.chain.length === 0) continue
        waiting.add(turn)
        if (this.#waited.has(turn)) this.#ask(activation, turn)
      }
    }
    this.#waited = waiting
  }

  #ask(activation: Activation, { callId, chain, deadlineMs }: Turn): void {
    const victim = { callId, actor: activation.id, host: this.#posts.host }
    const probe = { victim, round: this.#round, chain, deadlineMs, path: [activation.id], at: victim }
    this.#pass(probe, activation.running)
  }

  /** Goes on to the calls that these turns have made. */
  #pass(probe: Probe, running: Iterable<Turn>): void {
    for (const turn of running) {
      for (const { callId, actor, isHeld } of turn.outgoing) {
        const path = [...probe.path, actor]
        const pass = `${probe.victim.callId} ${probe.round} ${callId}`
        if (path.length > maxPath || this.#passed.has(pass)) continue
        this.#passed.add(pass)
        this.#posts.probe(actor, serialize({ ...probe, path, at: { callId, actor, isHeld } }))
      }
    }
  }

  /** A probe has come to an actor of this process. */
  visit(bytes: unknown): void {
    const probe = decoded(bytes) as Probe | undefined
    if (probe === undefined || !isWait(probe.at) || !areTexts(probe.chain)) return
    if (typeof probe.deadlineMs !== 'number' || typeof probe.round !== 'number') return
    const activation = this.#posts.find(probe.at.actor, probe.at.callId)
    const turn = activation?.turnOf(probe.at.callId)
    if (activation === undefined) return
    if (turn === undefined) {
      // One that is held asks nothing itself, so questions of older calls may pass it, too.
      // Where there are several activations, another one may take it.
      const { isExclusive, type } = activation
      if (probe.at.isHeld === true && isExclusive && type.workers === 1) this.#goOn(probe, activation)
    } else if (activation.isRunning(turn)) {
      this.#pass(probe, [turn])
    } else if (!isYounger(turn, probe)) {
      this.#goOn(probe, activation)
    }
  }

  /** The call at which the question is waits for this actor. */
  #goOn(probe: Probe, activation: Activation): void {
    if (probe.chain.includes(activation.id) && activation.isExclusive) this.#convict(probe, activation.id)
    else this.#pass(probe, activation.running)
  }

  #convict({ victim, chain, path }: Probe, actor: string): void {
    const cycle = [...chain.slice(chain.indexOf(actor)), ...path]
    this.#posts.judge(victim.host, serialize({ victim, path: cycle }))
  }

  /** A verdict has come to the actor of its victim: it is refused if it still waits. */
  judge(bytes: unknown): void {
    const verdict = decoded(bytes) as Verdict | undefined
    if (verdict === undefined) return
    const { victim, path } = verdict
    const activation = this.#posts.find(victim.actor, victim.callId)
    const turn = activation?.turnOf(victim.callId)
    if (turn === undefined || activation?.remove(turn) !== true) return
    const message = `${victim.actor}.${turn.method} would wait for itself: ${path.join(' -> ')}`
    turn.end({ how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_CYCLE', message, outcome: 'not-run', path } })
  }
}

/** An order of all calls that all processes agree on. */
function isYounger(turn: Turn, { deadlineMs, victim }: Probe): boolean {
  return turn.deadlineMs === deadlineMs ? turn.callId > victim.callId : turn.deadlineMs > deadlineMs
}

/** A probe or a verdict of bytes from another process, with the parts that both have checked. */
function decoded(bytes: unknown): { victim: Victim; path: readonly string[] } | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    const value = deserialize(bytes) as Partial<Verdict> | null
    const isWhole =
      typeof value === 'object' &&
      isWait(value?.victim) &&
      typeof value.victim?.host === 'string' &&
      areTexts(value.path)
    return isWhole ? (value as Verdict) : undefined
  } catch {
    return undefined // of another version of Node, or foreign bytes
  }
}

function isWait(value: unknown): value is Wait {
  const { callId, actor } = (value ?? {}) as Record<string, unknown>
  return typeof callId === 'string' && typeof actor === 'string'
}

const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string')
