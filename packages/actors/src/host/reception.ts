import type { CallContext } from 'orbit-node'
import type { Clock } from '../base/clock.js'
import type { Deadlines } from '../base/deadlines.js'
import { StreamFailure } from '../base/streamfailure.js'
import { decodeRequest, type Ending, encodeEnding, type ReceivedRequest, type Reply } from '../base/wire.js'
import type { Activation } from './activation.js'
import { Items } from './items.js'
import { partitionOf } from './placement.js'
import { RemoteTurn, type TurnListener } from './remoteturn.js'
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
export class Reception implements TurnListener {
  readonly #means: ReceptionMeans
  readonly #returns: Returns
  #repliesToLose = 0

  constructor(means: ReceptionMeans) {
    this.#means = means
    this.#returns = new Returns(means.clock)
  }

  /** A call that ends at once is answered at once: a promise costs as much as all the rest. */
  call(message: unknown, context: CallContext): Reply | Promise<Reply> {
    const request = requestOf(message, context)
    return request === undefined ? encodeEnding(foreign) : this.#take(request, context, false).reply
  }

  /** A stream, once its actor has begun it. Rejects with a StreamFailure. */
  async stream(message: unknown, context: CallContext): Promise<Items> {
    const request = requestOf(message, context)
    if (request === undefined) throw new StreamFailure(encodeEnding(foreign))
    const reply = await this.#take(request, context, true).reply
    if (reply instanceof Items) return reply
    throw new StreamFailure(reply as Uint8Array)
  }

  #take(request: ReceivedRequest, context: CallContext, isStream: boolean): RemoteTurn {
    const { type, key, id, method, caller, epoch } = request
    const partition = partitionOf(id)
    const turn = new RemoteTurn(request, partition, context, isStream, this.#means.deadlines, this)
    // A call must follow an earlier one that was handed back.
    const isReturned = this.#returns.has(partition, caller, epoch) && !this.#means.needs(partition, turn)
    if (isReturned) turn.end({ how: 'moved' })
    else turn.waitAt(this.#means.take(type, key, id, method, turn))
    return turn
  }

  moved({ partition, request: { caller, epoch } }: RemoteTurn): void {
    this.#returns.note(partition, caller, epoch)
  }

  losesReply(): boolean {
    return this.#repliesToLose > 0 && this.#repliesToLose-- > 0
  }

  /** The next replies are lost, for tests. */
  loseReplies(count: number): void {
    this.#repliesToLose = count
  }

  sweep(): void {
    this.#returns.sweep()
  }
}

/** The request in a message, if it can be one of the process that has sent it: shared memory may have any bytes. */
function requestOf(message: unknown, { node }: CallContext): ReceivedRequest | undefined {
  const request = decodeRequest(message)
  if (request === undefined || request.node !== node) return undefined
  return request.key !== '' && request.key.length <= longestKey ? request : undefined
}

const longestKey = 256

const foreign: Ending = {
  how: 'refused',
  refusal: {
    code: 'ERR_ORBIT_ACTOR_UNKNOWN',
    message: 'the request is damaged, or of another version of orbit-actors or of Node',
    outcome: 'not-run',
  },
}
