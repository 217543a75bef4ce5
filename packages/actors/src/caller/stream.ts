import { CallError, type Client, OrbitError } from 'orbit-node'
import { wrongType } from '../../../shared/check.js'
import type { CallOptions } from '../actor/ref.js'
import type { Clock } from '../base/clock.js'
import { ActorError, reasonOf } from '../base/errors.js'
import { StreamFailure } from '../base/streamfailure.js'
import { copyOf, refusalError, remoteErrorOf } from '../base/wire.js'
import { Items } from '../host/items.js'
import type { HostService } from '../host/service.js'
import type { CallParts } from './call.js'

/** A stream of another process, with its first item. */
export class RemoteItems {
  #first: IteratorResult<unknown> | undefined
  readonly #items: AsyncGenerator<unknown, void, undefined>

  private constructor(first: IteratorResult<unknown>, items: AsyncGenerator<unknown, void, undefined>) {
    this.#first = first
    this.#items = items
  }

  /** Resolves when the first item is there. */
  static async open(
    client: Client<HostService>,
    message: string | Uint8Array,
    signal: AbortSignal,
  ): Promise<RemoteItems> {
    const items = client.stream('stream', message, { signal })
    return new RemoteItems(await items.next(), items)
  }

  next(): Promise<IteratorResult<unknown>> {
    const first = this.#first
    this.#first = undefined
    return first === undefined ? this.#items.next() : Promise.resolve(first)
  }
}

/** Makes a call; its result are Items or RemoteItems. */
type Open = (parts: CallParts) => Promise<unknown>

/**
 * The items of a stream, as they come. The call is made when the first one is asked for.
 *
 * @throws TypeError for an idempotency key
 */
export function streamed(call: CallParts, options: CallOptions, clock: Clock, open: Open): AsyncGenerator<unknown> {
  const { timeoutMs = Number.POSITIVE_INFINITY, idempotencyKey } = options
  if (idempotencyKey === undefined) return itemsOf({ ...call, timeoutMs }, clock, open)
  throw wrongType('idempotencyKey', idempotencyKey, 'undefined for a stream, which is not kept')
}

async function* itemsOf(parts: CallParts, clock: Clock, open: Open): AsyncGenerator<unknown, void, undefined> {
  const { signal, timeoutMs } = parts
  signal?.throwIfAborted()
  const leaving = new AbortController()
  const abort = () => leaving.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  let items: Items | RemoteItems | undefined
  try {
    const deadlineMs = clock.now() + timeoutMs
    items = (await open({ ...parts, deadlineMs, signal: leaving.signal })) as Items | RemoteItems
    for (;;) {
      const next = await within(clock, parts, items.next(), leaving.signal)
      if (next.done === true) return
      yield items instanceof Items ? copyOf(next.value) : next.value
    }
  } catch (error) {
    throw items === undefined ? error : errorOf(error, parts) // that of a call is as its caller gets it
  } finally {
    signal?.removeEventListener('abort', abort)
    leaving.abort()
    if (items instanceof Items) void items.return()
  }
}

/** Waits for the next item, until the time is over or the signal is aborted. */
function within<T>(clock: Clock, parts: CallParts, next: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    const expire = () => reject(failed(parts, 'ERR_ORBIT_ACTOR_TIMEOUT', `no item within ${parts.timeoutMs} ms`))
    const isLimited = parts.timeoutMs !== Number.POSITIVE_INFINITY
    const timer = isLimited ? clock.setTimeout(expire, parts.timeoutMs, true) : undefined
    signal.addEventListener('abort', abort, { once: true })
    next.then(resolve, reject).finally(() => {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    })
  })
}

function failed({ id, method }: CallParts, code: ActorError['code'], text: string, cause?: unknown): ActorError {
  return new ActorError(code, `${id}.${method}: ${text}`, { outcome: 'unknown', actor: id, cause })
}

/** The error for the consumer of a stream. */
function errorOf(error: unknown, parts: CallParts): unknown {
  if (error instanceof ActorError || parts.signal?.aborted) return error
  const ending = StreamFailure.endingOf(error)
  if (ending?.how === 'threw') return remoteErrorOf(ending.failure)
  if (ending?.how === 'refused') return refusalError(ending.refusal, parts.id)
  if (error instanceof CallError) {
    return failed(parts, 'ERR_ORBIT_ACTOR_LOST', 'the process of the actor has ended', error)
  }
  if (error instanceof OrbitError && error.code === 'ERR_ORBIT_CLOSED') {
    return failed(parts, 'ERR_ORBIT_ACTOR_CLOSED', 'the system was closed', error)
  }
  return failed(parts, 'ERR_ORBIT_ACTOR_VALUE', `an item cannot be sent: ${reasonOf(error)}`, error)
}
