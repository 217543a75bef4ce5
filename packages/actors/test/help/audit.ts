// What the callers and the hosts of a hunt say, and what must not be among it.
import type { Outcome } from '../../src/index.js'

/** One activation, as its process says. */
export interface Life {
  /** The process, with the time at which it was killed; it died after that. */
  readonly host: { readonly killedMs: number }
  readonly key: string
  readonly token: number
  readonly from: number
  to: number
}

/** How a call ended. 'lost': its caller was killed. */
export type CallEnd = Outcome | 'answered' | 'lost' | 'open'

/** One call, as its caller and the processes say. */
interface Trace {
  readonly caller: number
  readonly key: string
  end: CallEnd
  endedMs: number
  readonly runs: number[]
  readonly returns: number[]
}

/** So long after its end nothing more is heard of a call: a host that runs it may be stopped or blocked for less. */
const settledMs = 10_000

/** Collects what is said, and forgets calls that were found right, so that a hunt may last for hours. */
export class Audit {
  readonly lives: Life[] = []
  readonly violations: string[] = []
  readonly ends: Record<string, number> = {}
  calls = 0
  /** Calls that were open 50 ms after their deadlines. Only counted: a process may be without a processor for longer. */
  late = 0
  /** Calls that ended as 'unknown', and of which no run is known: their process died at that moment. */
  unseen = 0
  /** Callers that close: they do not wait to learn what has become of their calls, so these are not in `unseen`. */
  readonly closing = new Set<number>()
  readonly #traces = new Map<number, Trace>()
  /** By caller and key: when the newest call ran. */
  readonly #newest = new Map<string, number>()

  /** A call begins; returns its number. */
  open(caller: number, key: string): number {
    const call = this.calls++
    this.#traces.set(call, { caller, key, end: 'open', endedMs: Number.POSITIVE_INFINITY, runs: [], returns: [] })
    return call
  }

  close(call: number, end: CallEnd, nowMs: number): void {
    const trace = this.#traces.get(call)
    if (trace === undefined) return
    if (trace.end !== 'open') this.violations.push(`call ${call} ended as ${trace.end}, then as ${end}`)
    trace.end = end
    trace.endedMs = nowMs
  }

  runs(call: number, timeMs: number): void {
    const trace = this.#traces.get(call)
    if (trace === undefined) this.violations.push(`call ${call} ran long after its end`)
    else trace.runs.push(timeMs)
  }

  returns(call: number, timeMs: number): void {
    this.#traces.get(call)?.returns.push(timeMs)
  }

  /** A caller was killed: how its calls end is not heard. */
  lose(caller: number, nowMs: number): void {
    for (const [call, trace] of this.#traces)
      if (trace.caller === caller && trace.end === 'open') this.close(call, 'lost', nowMs)
  }

  /** Checks and forgets the calls that ended long before; all with Infinity. */
  check(nowMs: number): void {
    for (const [call, trace] of this.#traces) {
      if (trace.endedMs + settledMs > nowMs && nowMs !== Number.POSITIVE_INFINITY) break // it keeps the order
      this.#traces.delete(call)
      this.#judge(call, trace)
    }
  }

  #judge(call: number, { caller, key, end, runs, returns }: Trace): void {
    const what = `call ${call} of ${key} by ${caller}`
    const accuse = (text: string) => this.violations.push(`${what} ${text}`)
    this.ends[end] = (this.ends[end] ?? 0) + 1
    if (end === 'open') accuse('did not end')
    if (runs.length > 1) accuse(`ran at ${runs}`)
    if (end === 'not-run' && runs.length > 0) accuse('ended as not-run, and ran')
    if ((end === 'answered' || end === 'done') && returns.length !== 1) accuse(`ended as ${end} and did not return`)
    if (end === 'unknown' && runs.length === 0 && !this.closing.has(caller)) this.unseen++
    const [timeMs] = runs
    if (timeMs === undefined) return
    const line = `${caller} ${key}`
    const before = this.#newest.get(line) ?? 0
    if (timeMs < before) accuse(`ran at ${timeMs}, before an earlier one at ${before}`)
    this.#newest.set(line, Math.max(timeMs, before))
  }

  /** Activations of one key that were alive at the same time. */
  checkLives(): void {
    const last = new Map<string, Life>()
    for (const life of [...this.lives].sort((a, b) => a.from - b.from)) {
      const before = last.get(life.key)
      last.set(life.key, life)
      if (before === undefined) continue
      const endedMs = Math.min(before.to, before.host.killedMs)
      if (life.from < endedMs) this.violations.push(`${life.key} began at ${life.from}, before ${endedMs}`)
      if (life.token < before.token) this.violations.push(`${life.key} has token ${life.token} after ${before.token}`)
    }
  }
}
