import type { EventOrigin, OrbitEventBus } from 'orbit-node'
import type { Batch, SentEvent } from '../events/batch.js'
import type { Memory } from './memory.js'

/** How far the events of a host have come here. */
export interface Received {
  readonly epoch: number
  /** The index of the next event. */
  readonly next: number
}

/** What a receiver does with events. */
export interface ReceiverSpec {
  readonly route: string
  readonly memory: Memory
  /** Takes one event. Returns false if it does not fit here. */
  deliver(origin: EventOrigin, event: SentEvent): boolean
  /** Called after events were lost, before the next one is delivered. */
  onLoss(host: string, lost: number): void
}

/** What the bus shows of events that an earlier process delivered. */
interface Delivered {
  /** The next index after the newest event of each epoch. */
  readonly next: ReadonlyMap<number, number>
  /** Whether nothing was overwritten since the last batch began. */
  readonly isWhole: boolean
}

const nothing: Delivered = { next: new Map(), isWhole: true }

/**
 * Takes batches of other hosts: delivers each event once, in order, and counts what is missing. The index of an event
 * tells both. What was delivered is in shared memory, so the next process of this host goes on exactly there.
 */
export class Receiver {
  readonly #spec: ReceiverSpec
  readonly #known = new Map<string, Received>()
  #delivered = nothing

  constructor(spec: ReceiverSpec) {
    this.#spec = spec
  }

  /** Looks for events that an earlier process has published on the bus, and not noted. */
  recover(bus: OrbitEventBus): void {
    const { memory, route } = this.#spec
    const next = new Map<number, number>()
    using cursor = bus.cursor('start')
    const { events, from, lost } = cursor.poll()
    for (const { origin } of events) {
      if (origin !== undefined) next.set(origin.epoch, Math.max(next.get(origin.epoch) ?? 0, origin.index + 1))
    }
    this.#delivered = { next, isWhole: from + lost <= (memory.number(`a ${route}`).get() ?? 0) }
  }

  /** What came of each host so far. */
  received(): Record<string, Received> {
    return Object.fromEntries(this.#known)
  }

  /** Goes on where this host stopped before its memory was lost. */
  restore(received: Record<string, Received>): void {
    for (const [host, { epoch, next }] of Object.entries(received)) {
      if (this.#load(host) === undefined) this.#note(host, { epoch, next })
    }
  }

  /**
   * Delivers what is new in a batch.
   *
   * @param position where the bus is now: the next events of this host are at or after it
   */
  receive(host: string, { epoch, first, events }: Batch, position = 0): void {
    const { memory, route, deliver } = this.#spec
    const known = this.#load(host)
    // The first batch of a host or an epoch shows where it is.
    let next = known?.epoch === epoch ? known.next : first
    if (first > next) {
      this.#lose(host, first - next)
      next = first
    }
    if (known?.epoch !== epoch || next > known.next) this.#note(host, { epoch, next })
    if (next > first) memory.count('duplicates', route, Math.min(next - first, events.length))
    memory.number(`a ${route}`).set(position)
    const [intent, done] = [memory.number(`i ${epoch}`), memory.number(`n ${epoch}`)]
    let received = 0
    for (let i = next - first; i < events.length; i++) {
      const index = first + i
      intent.set(index + 1)
      if (deliver({ host, epoch, index }, events[i] as SentEvent)) received++
      else this.#lose(host, 1)
      done.set(index + 1)
    }
    if (next - first >= events.length) return
    memory.count('received', route, received)
    this.#known.set(host, { epoch, next: first + events.length })
  }

  /** A host says how far it has come: what is missing now was lost on its way. */
  noteProgress(host: string, { epoch, next }: Received): void {
    const known = this.#load(host)
    if (known?.epoch === epoch && next > known.next) this.#lose(host, next - known.next)
    if (known?.epoch !== epoch || next > known.next) this.#note(host, { epoch, next })
  }

  #lose(host: string, lost: number): void {
    this.#spec.memory.count('lost', this.#spec.route, lost, host)
    this.#spec.onLoss(host, lost)
  }

  #load(host: string): Received | undefined {
    const known = this.#known.get(host)
    if (known !== undefined) return known
    const { memory, route } = this.#spec
    const epoch = memory.number(`e ${route} ${host}`).get()
    if (epoch === undefined) return undefined
    const { next: found, isWhole } = this.#delivered
    let next = Math.max(memory.number(`n ${epoch}`).get() ?? 0, found.get(epoch) ?? 0)
    const intent = memory.number(`i ${epoch}`).get() ?? 0
    if (intent > next && !isWhole) {
      // The last process died at this event, and the bus no longer shows whether it had published it.
      next = intent
      this.#lose(host, 1)
    }
    const loaded = { epoch, next }
    this.#known.set(host, loaded)
    return loaded
  }

  #note(host: string, received: Received): void {
    const { memory, route } = this.#spec
    const before = this.#known.get(host)
    const name = memory.number(`e ${route} ${host}`)
    memory.number(`n ${received.epoch}`).set(received.next)
    name.set(received.epoch)
    if (before !== undefined && before.epoch !== received.epoch) {
      memory.forget(`n ${before.epoch}`)
      memory.forget(`i ${before.epoch}`)
    }
    this.#known.set(host, received)
  }
}
