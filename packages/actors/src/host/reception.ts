import type { CallContext } from 'orbit-node'
import type { Clock } from '../base/clock.js'
import type { Deadlines } from '../base/deadlines.js'
import { StreamFailure } from '../base/streamfailure.js'
import { decodeRequest, type Ending, encodeEnding, type Request } from '../base/wire.js'
import type { Activation } from './activation.js'
import type { Items } from './items.js'
import { partitionOf } from './placement.js'
import { RemoteTurn } from './remoteturn.js'
import { Returns } from './returns.js'
import type { Turn } from './turn.js'

/** What the reception needs of its host. */
export interface ReceptionMeans {
  readonly clock: Clock
  readonly deadlines: Deadlines
  take(type: string, key: string, id: string, method: string, turn: Turn): Activation | undefined
  /** Whether a partition that leaves must still run a turn. */
  needs(partition: number, turn: Turn): boolean
}

/** Takes the calls of other processes. */
export class Reception {
  readonly #means: ReceptionMeans
  readonly #returns: Returns
  #repliesToLose = 0

  constructor(means: ReceptionMeans) {
    this.#means = means
    this.#returns = new Returns(means.clock)
  }

  /** A call that ends at once is answered at once: a promise costs as much as all the rest. */
  call(bytes: unknown, context: CallContext): Uint8Array | Promise<Uint8Array> {
    const request = decodeRequest(bytes)
    if (request === undefined) return encodeEnding(foreign)
    let ended: Uint8Array | undefined
    let answer = (bytes: Uint8Array): void => {
      ended = bytes
    }
    this.#take(request, context, (bytes) => answer(bytes))
    if (ended !== undefined) return ended
    return new Promise((resolve) => {
      answer = resolve
    })
  }

  /** A stream, once its actor has begun it. Rejects with a StreamFailure. */
  stream(bytes: unknown, context: CallContext): Promise<Items> {
    const request = decodeRequest(bytes)
    if (request === undefined) return Promise.reject(new StreamFailure(encodeEnding(foreign)))
    return new Promise((resolve, reject) => {
      this.#take(request, context, (bytes) => reject(new StreamFailure(bytes)), resolve)
    })
  }

  #take(
    request: Request,
    context: CallContext,
    answer: (bytes: Uint8Array) => void,
    opened?: (items: Items) => void,
  ): void {
    const { type, key, method, caller, epoch } = request
    const id = `${type}/${key}`
    const partition = partitionOf(id)
    const moved = () => this.#returns.note(partition, caller, epoch)
    const losesReply = () => this.#repliesToLose > 0 && this.#repliesToLose-- > 0
    const on = { answer, opened, moved, losesReply }
    const turn = new RemoteTurn(request, context, this.#means.deadlines, on)
    // A call must follow an earlier one that was handed back.
    const isReturned = this.#returns.has(partition, caller, epoch) && !this.#means.needs(partition, turn)
    if (isReturned) turn.end({ how: 'moved' })
    else turn.activation = this.#means.take(type, key, id, method, turn)
  }

  /** The next replies are lost, for tests. */
  loseReplies(count: number): void {
    this.#repliesToLose = count
  }

  sweep(): void {
    this.#returns.sweep()
  }
}

const foreign: Ending = {
  how: 'refused',
  refusal: {
    code: 'ERR_ORBIT_ACTOR_UNKNOWN',
    message: 'the request is of another version of orbit-actors, or of Node',
    outcome: 'not-run',
  },
}
