import { CallError, type Client, OrbitError, RemoteError } from 'orbit-node'
import { decodeEnding, encodeRequest } from '../base/wire.js'
import type { Host, HostService } from '../host/host.js'
import type { Call } from './call.js'

/** What the routes of a process share. */
export interface Roads {
  /** The host of this process; undefined: it only calls. */
  readonly host: Host | undefined
  /** The node and the incarnation of the handle of this system. */
  readonly caller: string
  now(): number
  /** The host that has a partition; undefined: none. */
  ownerOf(partition: number): string | undefined
  clientOf(host: string): Client<HostService>
  /** Resolves later. */
  pause(ms: number): Promise<void>
}

/** How long a route waits before it looks again for the host of its partition, at first and at most. */
const [firstPauseMs, longestPauseMs] = [1, 16]

/** The way of the calls of one process to the actors of one partition, wherever they are. It keeps their order. */
export class Route {
  readonly #partition: number
  readonly #roads: Roads
  /** Calls that wait for a host, in order. */
  #queue: Call[] = []
  /** How many calls other processes have now. */
  #sent = 0
  #owner: string | undefined
  #isSearching = false
  #isClosed = false
  /** Raised when calls that came back are sent anew. */
  #epoch = 1
  #hasReturns = false
  #pauseMs = 0

  constructor(partition: number, roads: Roads) {
    this.#partition = partition
    this.#roads = roads
  }

  /** Takes a call. */
  submit(call: Call): void {
    call.onMoved = () => this.#takeBack(call)
    if (this.#roads.host?.isOwn(call.parts.type)) {
      this.#runHere(call)
      return
    }
    if (this.#queue.length > 0 || this.#isSearching) {
      this.#enqueue(call)
      return
    }
    if (this.#isHere && this.#sent === 0) {
      this.#runHere(call)
      return
    }
    if (this.#isHere || this.#owner === undefined || this.#owner === this.#roads.host?.id) {
      this.#enqueue(call)
      return
    }
    this.#send(call, this.#owner)
  }

  /** Ends all calls that wait, now and later. */
  close(): void {
    this.#isClosed = true
    for (const call of this.#queue.splice(0)) {
      call.refuse('ERR_ORBIT_ACTOR_CLOSED', 'the system was closed')
    }
  }

  get #isHere(): boolean {
    return this.#roads.host?.partitions[this.#partition]?.isOpen === true
  }

  #runHere(call: Call): void {
    const { type, key, id, method } = call.parts
    call.waitFor(() => this.#roads.host?.take(type, key, id, method, call))
  }

  #enqueue(call: Call): void {
    call.wait()
    this.#queue.push(call)
    if (!this.#isSearching) void this.#search()
  }

  /** A call that has not begun where it was sent. */
  #takeBack(call: Call): void {
    if (call.isOver) return
    this.#owner = undefined
    this.#hasReturns = true
    this.#pauseMs = Math.min(Math.max(firstPauseMs, this.#pauseMs * 2), longestPauseMs)
    call.wait()
    const at = this.#queue.findIndex(({ sequence }) => sequence > call.sequence)
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, call)
    if (!this.#isSearching) void this.#search()
  }

  /** Looks for the host of the partition, and sends the calls that wait to it, in order. */
  async #search(): Promise<void> {
    this.#isSearching = true
    try {
      let pauseMs = this.#pauseMs
      for (;;) {
        if (pauseMs > 0) await this.#roads.pause(pauseMs)
        if (this.#isClosed) this.close()
        this.#queue = this.#queue.filter(({ isOver }) => !isOver)
        if (this.#queue.length === 0 || this.#forward()) break
        pauseMs = Math.min(Math.max(firstPauseMs, pauseMs * 2), longestPauseMs)
      }
    } catch (error) {
      // The fleet was removed, for example.
      for (const call of this.#queue.splice(0)) call.fail(error)
    }
    this.#isSearching = false
    // A call that came back during the forwarding.
    if (this.#queue.length > 0) void this.#search()
  }

  /** Whether there is a host to which the calls were sent. */
  #forward(): boolean {
    if (this.#sent > 0) return false // what was sent before must end before, or else the order is lost
    if (this.#isHere) {
      for (const call of this.#queue.splice(0)) this.#runHere(call)
      return true
    }
    const owner = this.#roads.ownerOf(this.#partition)
    if (owner === undefined || owner === this.#roads.host?.id) return false
    this.#owner = owner
    if (this.#hasReturns) this.#epoch++
    this.#hasReturns = false
    for (const call of this.#queue.splice(0)) this.#send(call, owner)
    return true
  }

  #send(call: Call, owner: string): void {
    let bytes: Uint8Array
    const { type, key, method, deadlineMs, chain } = call.parts
    try {
      const { caller } = this.#roads
      bytes = encodeRequest({ type, key, method, args: call.args, deadlineMs, chain, caller, epoch: this.#epoch })
    } catch (error) {
      const text = `an argument cannot be sent: ${(error as Error).message}`
      call.refuse('ERR_ORBIT_ACTOR_VALUE', text)
      return
    }
    const timeoutMs = Math.max(1, Math.ceil(deadlineMs - this.#roads.now()))
    const { signal } = call.parts
    call.leave()
    this.#sent++
    const options = { timeoutMs, ...(signal !== undefined && { signal }) }
    this.#roads
      .clientOf(owner)
      .call('call', bytes, options)
      .then(
        (answer) => this.#answered(call, answer),
        (error: unknown) => this.#failed(call, error),
      )
  }

  #answered(call: Call, answer: unknown): void {
    this.#sent--
    const ending = decodeEnding(answer)
    if (ending === undefined) {
      call.fail(call.error('ERR_ORBIT_ACTOR_LOST', 'the answer is of another version of orbit-actors', 'unknown'))
    } else {
      if (ending.how !== 'moved') this.#pauseMs = 0
      call.end(ending)
    }
  }

  #failed(call: Call, error: unknown): void {
    this.#sent--
    const { signal, timeoutMs } = call.parts
    if (signal?.aborted && error === signal.reason) {
      call.fail(error)
      return
    }
    if (error instanceof CallError) {
      const outcome = outcomes[error.progress]
      const isLate = error.code === 'ERR_ORBIT_TIMEOUT'
      const text = isLate ? `no result within ${timeoutMs} ms` : 'the process of the actor has ended'
      const code = isLate ? 'ERR_ORBIT_ACTOR_TIMEOUT' : 'ERR_ORBIT_ACTOR_LOST'
      call.fail(call.error(code, `${text}; outcome: ${outcome}`, outcome, error))
      return
    }
    if (error instanceof OrbitError && error.code === 'ERR_ORBIT_NO_SERVER') {
      call.end({ how: 'moved' })
      return
    }
    if (error instanceof OrbitError && error.code === 'ERR_ORBIT_CLOSED') {
      call.fail(call.error('ERR_ORBIT_ACTOR_CLOSED', 'the system was closed', 'unknown', error))
      return
    }
    const isResult = error instanceof RemoteError
    const text = isResult ? 'the result cannot be sent' : 'the call cannot be sent'
    const what = `${text}: ${(error as Error).message}`
    call.fail(call.error('ERR_ORBIT_ACTOR_VALUE', what, isResult ? 'done' : 'not-run', error))
  }
}

const outcomes = { 'not begun': 'not-run', begun: 'unknown', done: 'done' } as const
