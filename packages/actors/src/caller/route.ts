import { CallError, type CallOptions, type Client, OrbitError, RemoteError } from 'orbit-node'
import type { Deadlines } from '../base/deadlines.js'
import { reasonOf } from '../base/errors.js'
import { StreamFailure } from '../base/streamfailure.js'
import { decodeReply, type Ending, encodeRequest } from '../base/wire.js'
import type { Host } from '../host/host.js'
import type { HostService } from '../host/service.js'
import { Call, type CallParts, type CallSender } from './call.js'
import { RemoteItems } from './stream.js'
import { Underway } from './underway.js'

/** What the routes of a process share. */
export interface Roads {
  /** The host of this process; undefined: it only calls. */
  readonly host: Host | undefined
  now(): number
  clientOf(host: string): Client<HostService>
  /** Resolves later. */
  pause(ms: number): Promise<void>
  /** The next epoch: hosts compare those of all routes of a process to the actors of a partition. */
  nextEpoch(): number
}

/** Where the calls of a route go. */
export interface Target {
  /** The host that has its actors; undefined: none. */
  owner(): string | undefined
  /** Whether this process may run calls of a type, or another route may take them. */
  mayTake(type: string): boolean
  /** Whether this process takes a call. */
  accepts(call: Call): boolean
  /** Whether it must take a call before those that wait for the actors to leave: they may have to wait for it. */
  needs(call: Call): boolean
  /** Takes a call that does not go this way; false: it does. */
  divert(call: Call): boolean
  /** Learns from a host which calls do not go this way. */
  learn(host: string): Promise<void> | undefined
}

/** How long a route waits before it looks again for the host of its partition, at first and at most. */
const [firstPauseMs, longestPauseMs] = [1, 16]

/** The way of the calls of one process to the actors of a partition, or to one actor. It keeps their order. */
export class Route implements CallSender {
  readonly #target: Target
  readonly #roads: Roads
  /** Calls that wait for a host, in order. */
  #queue: Call[] = []
  /** Calls that are in another process. */
  readonly #sent = new Underway()
  #owner: string | undefined
  /** The host to which the last call was sent, and what calls it. */
  #line: { readonly host: string; readonly client: Client<HostService> } | undefined
  #isSearching = false
  #isClosed = false
  /** Raised when calls that came back are sent anew, and when the partition has another host. */
  #epoch: number
  /** The host to which calls were sent in this epoch. */
  #sentTo: string | undefined
  #hasReturns = false
  #pauseMs = 0

  constructor(target: Target, roads: Roads) {
    this.#target = target
    this.#roads = roads
    this.#epoch = roads.nextEpoch()
  }

  /** Takes a call. */
  submit(call: Call): void {
    call.sender = this
    if (this.#roads.host?.isOwn(call.parts.type)) {
      this.#runHere(call)
      return
    }
    const isWaiting = this.#queue.length > 0 || this.#isSearching
    const mayDivert = !this.#sent.has(call.parts.id) && (!isWaiting || this.#roads.host !== undefined)
    if (mayDivert && this.#target.divert(call)) return
    if (isWaiting) {
      this.#enqueue(call)
      return
    }
    if (this.#target.accepts(call)) {
      if (this.#sent.has(call.parts.id)) this.#enqueue(call)
      else this.#runHere(call)
    } else if (this.#owner === undefined || this.#owner === this.#roads.host?.id || !this.#follows(call)) {
      this.#enqueue(call)
    } else {
      this.#send(call, this.#owner)
    }
  }

  /**
   * Sends a call that can be sent at once, without all that calls need that wait or come back: nearly all calls end
   * with their results.
   *
   * @returns its result; undefined: it must be submitted
   */
  trySend(parts: CallParts, sequence: number, deadlines: Deadlines): Promise<unknown> | undefined {
    const line = this.#line
    if (line === undefined || line.host !== this.#owner || this.#queue.length > 0 || this.#isSearching) return undefined
    if (this.#target.mayTake(parts.type) || this.#roads.host?.isOwn(parts.type)) return undefined
    const message = encodedOrNot(parts, sequence, this.#epoch)
    if (message === undefined || !this.#sent.follow(parts.id, this.#epoch)) return undefined
    const kept = typeof message === 'string' ? message : Buffer.from(message)
    return line.client.call('call', message, callOptions(parts.timeoutMs, undefined)).then(
      (answer) => {
        const ending = decodeReply(answer)
        if (ending?.how !== 'returned') {
          return this.#resume(parts, sequence, deadlines, kept, (call) => this.#answered(call, answer))
        }
        this.#sent.delete(parts.id)
        this.#pauseMs = 0
        return ending.value
      },
      (error) => this.#resume(parts, sequence, deadlines, kept, (call) => this.#failed(call, error)),
    )
  }

  /** A call that was sent at once has not ended with its result. */
  #resume(
    parts: CallParts,
    sequence: number,
    deadlines: Deadlines,
    message: string | Uint8Array,
    end: (call: Call) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new Call(parts, sequence, deadlines, resolve, reject)
      call.sender = this
      call.leave(message)
      end(call)
    })
  }

  /** Ends all calls that wait, now and later. */
  close(): void {
    this.#isClosed = true
    for (const call of this.#queue.splice(0)) {
      call.refuse('ERR_ORBIT_ACTOR_CLOSED', 'the system was closed')
    }
  }

  /** Whether no call waits or is under way. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.#isSearching && this.#sent.size === 0
  }

  #runHere(call: Call): void {
    const { type, key, id, method } = call.parts
    call.waitFor(() => this.#roads.host?.take(type, key, id, method, call, true))
  }

  #enqueue(call: Call): void {
    call.wait()
    call.keepScope()
    this.#queue.push(call)
    if (!this.#isSearching) void this.#search()
  }

  /** A call that has not begun where it was sent. */
  takeBack(call: Call): void {
    if (call.isOver) return
    if (call.deadlineMs <= this.#roads.now()) {
      call.expire()
      return
    }
    this.#owner = undefined
    this.#hasReturns = true
    this.#pauseMs = Math.min(Math.max(firstPauseMs, this.#pauseMs * 2), longestPauseMs)
    call.wait()
    call.keepScope()
    this.#insert(call)
    if (!this.#isSearching) void this.#search()
  }

  #insert(call: Call): void {
    const at = this.#queue.findIndex(({ sequence }) => sequence > call.sequence)
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, call)
  }

  /** Looks for the host of the partition, and sends the calls that wait to it, in order. */
  async #search(): Promise<void> {
    this.#isSearching = true
    try {
      let pauseMs = this.#pauseMs
      for (;;) {
        if (pauseMs > 0) await this.#roads.pause(pauseMs)
        if (this.#isClosed) this.close()
        const learning = this.#learn()
        if (learning !== undefined) await learning
        this.#queue = this.#queue.filter(({ isOver }) => !isOver)
        this.#forward()
        if (this.#queue.length === 0) break
        pauseMs = Math.min(Math.max(firstPauseMs, pauseMs * 2), longestPauseMs)
      }
    } catch (error) {
      // The fleet was removed, for example.
      for (const call of this.#queue.splice(0)) call.fail(error)
    }
    this.#isSearching = false
  }

  /**
   * Whether a call may be sent now. What was sent to its actor before other calls came back must end, or come back,
   * first: its host may hand it back, too, and would run this one before it.
   */
  #follows({ parts: { id } }: Call): boolean {
    return (this.#sent.epochOf(id) ?? this.#epoch) === this.#epoch
  }

  /** Learns from a new host which calls do not go this way. */
  #learn(): Promise<void> | undefined {
    const owner = this.#target.owner()
    return owner === undefined || owner === this.#roads.host?.id ? undefined : this.#target.learn(owner)
  }

  /** Sends the calls that wait to their host, if there is one. */
  #forward(): void {
    const owner = this.#target.owner()
    const isElsewhere = owner !== undefined && owner !== this.#roads.host?.id
    this.#owner = isElsewhere ? owner : undefined
    if (isElsewhere && (this.#hasReturns || owner !== this.#sentTo)) {
      this.#epoch = this.#roads.nextEpoch()
      this.#hasReturns = false
      this.#sentTo = owner
    }
    const held = new Set<string>()
    for (const call of this.#queue.splice(0)) {
      try {
        if (this.#goesOn(call, this.#owner, held.has(call.parts.id))) continue
        held.add(call.parts.id)
        this.#insert(call)
      } catch (error) {
        call.fail(error) // the others can go on
      }
    }
  }

  /**
   * Whether a call that has waited waits no more.
   *
   * @param owner the process to which calls go; undefined: none
   * @param isBehind whether a call to the same actor waits before it
   */
  #goesOn(call: Call, owner: string | undefined, isBehind: boolean): boolean {
    const { id, chain } = call.parts
    // What waits before it may wait for the actor, which waits for this call.
    const isNested = chain.includes(id)
    const isSent = this.#sent.has(id)
    if (!isSent && this.#target.divert(call)) return true
    const mayRun = isNested || (!isSent && (!isBehind || this.#target.needs(call)))
    if (mayRun && this.#target.accepts(call)) {
      call.inScope(() => this.#runHere(call))
    } else if (owner !== undefined && (isNested || (!isBehind && this.#follows(call)))) {
      call.inScope(() => this.#send(call, owner))
    } else {
      return false
    }
    return true
  }

  #send(call: Call, owner: string): void {
    const { deadlineMs } = call.parts
    let message: string | Uint8Array
    try {
      message = encoded(call.parts, call.args, call.sequence, this.#epoch)
    } catch (error) {
      const text = `an argument cannot be sent: ${reasonOf(error)}`
      call.refuse('ERR_ORBIT_ACTOR_VALUE', text)
      return
    }
    const { signal } = call.parts
    const timeoutMs = call.hasWaited ? Math.max(1, Math.ceil(deadlineMs - this.#roads.now())) : call.parts.timeoutMs
    const client = this.#roads.clientOf(owner)
    call.leave(message)
    this.#sent.add(call.parts.id, this.#epoch)
    if (this.#line?.client !== client) this.#line = { host: owner, client }
    const answer = call.isStream
      ? RemoteItems.open(client, message, signal as AbortSignal)
      : client.call('call', message, callOptions(timeoutMs, signal))
    answer.then(
      (answer) => this.#answered(call, answer),
      (error: unknown) => this.#failed(call, error),
    )
  }

  #answered(call: Call, answer: unknown): void {
    this.#sent.delete(call.parts.id)
    const ending: Ending | undefined =
      answer instanceof RemoteItems ? { how: 'returned', value: answer } : decodeReply(answer)
    if (ending === undefined) {
      call.fail(call.error('ERR_ORBIT_ACTOR_LOST', 'the answer is of another version of orbit-actors', 'unknown'))
    } else {
      if (ending.how !== 'moved') this.#pauseMs = 0
      call.end(ending)
    }
  }

  #failed(call: Call, error: unknown): void {
    this.#sent.delete(call.parts.id)
    const refused = call.isStream ? StreamFailure.endingOf(error) : undefined
    if (refused !== undefined) {
      call.end(refused)
      return
    }
    const { signal, timeoutMs } = call.parts
    if (signal?.aborted && error === signal.reason) {
      call.fail(error)
      return
    }
    // The system was closed in the process that the call was sent to, or that process is of another version.
    if (error instanceof OrbitError && ['ERR_ORBIT_NO_SERVER', 'ERR_ORBIT_NO_HANDLER'].includes(error.code)) {
      call.end({ how: 'moved' })
      return
    }
    if (error instanceof CallError) {
      const outcome = outcomes[error.progress]
      const isLate = error.code === 'ERR_ORBIT_TIMEOUT'
      if (!isLate && call.idempotencyKey !== undefined) {
        call.repeat()
        return
      }
      const text = isLate ? `no result within ${timeoutMs} ms` : 'the process of the actor has ended'
      const code = isLate ? 'ERR_ORBIT_ACTOR_TIMEOUT' : 'ERR_ORBIT_ACTOR_LOST'
      call.fail(call.error(code, `${text}; outcome: ${outcome}`, outcome, error))
      return
    }
    if (error instanceof OrbitError && ['ERR_ORBIT_CLOSED', 'ERR_ORBIT_RETIRED'].includes(error.code)) {
      const what = error.code === 'ERR_ORBIT_CLOSED' ? 'the system was closed' : 'its fleet was removed'
      call.fail(call.error('ERR_ORBIT_ACTOR_CLOSED', what, 'unknown', error))
      return
    }
    const isResult = error instanceof RemoteError
    const text = isResult ? 'the result cannot be sent' : 'the call cannot be sent'
    const what = `${text}: ${reasonOf(error)}`
    call.fail(call.error('ERR_ORBIT_ACTOR_VALUE', what, isResult ? 'done' : 'not-run', error))
  }
}

/** A call as it is sent. Throws for an argument that cannot cross. */
function encoded(parts: CallParts, args: readonly unknown[], sequence: number, epoch: number): string | Uint8Array {
  const { type, key, method, deadlineMs, chain, caller, isTell, idempotencyKey } = parts
  // In one literal: a spread takes longer than all the rest.
  // biome-ignore format: one line each would be a column
  return encodeRequest({ type, key, method, args, deadlineMs, chain, caller, sequence, epoch, isTell, idempotencyKey })
}

/** Undefined: an argument cannot cross, as is said when the call is submitted. */
function encodedOrNot(parts: CallParts, sequence: number, epoch: number): string | Uint8Array | undefined {
  try {
    return encoded(parts, parts.args, sequence, epoch)
  } catch {
    return undefined
  }
}

/** That of a call of orbit-node without options, which does not check any. */
const defaultTimeoutMs = 30_000

function callOptions(timeoutMs: number, signal: AbortSignal | undefined): CallOptions | undefined {
  if (signal !== undefined) return { timeoutMs, signal }
  return timeoutMs === defaultTimeoutMs ? undefined : { timeoutMs }
}

const outcomes = { 'not begun': 'not-run', begun: 'unknown', done: 'done' } as const
