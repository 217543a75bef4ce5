/** Every code of an ActorError, with what it means. */
export const actorErrorCodes = {
  ERR_ORBIT_ACTOR_TIMEOUT: 'The call did not end in its time; `outcome` says whether the method ran.',
  ERR_ORBIT_ACTOR_LOST: 'The process of the actor ended during the call, or the reply was lost.',
  ERR_ORBIT_ACTOR_BUSY: 'The mailbox of the actor, or that of its process, is full.',
  ERR_ORBIT_ACTOR_CYCLE: 'The call would wait for an actor that waits for this call; `path` has the actors.',
  ERR_ORBIT_ACTOR_CRASHING: 'The actor failed too often in a short time, and is not activated for a while.',
  ERR_ORBIT_ACTOR_ACTIVATION: 'The actor could not be activated; `cause` is what its onActivate threw.',
  ERR_ORBIT_ACTOR_UNKNOWN: 'The process of the actor has no such type, or the type has no such method.',
  ERR_ORBIT_ACTOR_VALUE: 'An argument or a result cannot cross between processes.',
  ERR_ORBIT_ACTOR_STORE: 'The store could not keep the changes of the method, or could not be read.',
  ERR_ORBIT_ACTOR_VERSION: 'The state of the actor was written by a newer version of its class.',
  ERR_ORBIT_ACTOR_CLOSED: 'The actor system of this process was closed.',
} as const

/** One of the codes in `actorErrorCodes`. */
export type ActorErrorCode = keyof typeof actorErrorCodes

/**
 * What became of a call that failed. 'not-run': the method has not begun, and never will. 'done': it has ended, and its
 * result is lost. 'unknown': it had begun, and may have ended or not. 'rolled-back': it has run, and the store has none
 * of its changes.
 */
export type Outcome = 'not-run' | 'unknown' | 'done' | 'rolled-back'

/** What an ActorError has beside its code and message. */
export interface ActorErrorDetails {
  /** What became of the call. */
  readonly outcome: Outcome
  /** The actor that was called: its type, "/", and its key. */
  readonly actor: string
  /** The actors of a cycle, from the one that was called first. */
  readonly path?: readonly string[]
  /** What caused the error. */
  readonly cause?: unknown
}

const worthRetrying = new Set<ActorErrorCode>([
  'ERR_ORBIT_ACTOR_TIMEOUT',
  'ERR_ORBIT_ACTOR_LOST',
  'ERR_ORBIT_ACTOR_BUSY',
  'ERR_ORBIT_ACTOR_CRASHING',
  'ERR_ORBIT_ACTOR_ACTIVATION',
  'ERR_ORBIT_ACTOR_STORE',
  'ERR_ORBIT_ACTOR_VERSION',
])

/** The error of a call that did not get its result. What the method itself throws is a RemoteError instead. */
export class ActorError extends Error {
  /** Identifies the error. Codes are stable; messages are not. */
  readonly code: ActorErrorCode
  /** What became of the call. */
  readonly outcome: Outcome
  /** The actor that was called: its type, "/", and its key. */
  readonly actor: string
  /** The actors of a cycle, from the one that was called first; absent for other errors. */
  declare readonly path?: readonly string[]

  /** @internal */
  constructor(code: ActorErrorCode, message: string, { outcome, actor, path, cause }: ActorErrorDetails) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ActorError'
    this.code = code
    this.outcome = outcome
    this.actor = actor
    if (path !== undefined) this.path = path
  }

  /** Whether the same call may be made again without harm: the method has not run, and may run at another time. */
  get retryable(): boolean {
    return this.outcome === 'not-run' && worthRetrying.has(this.code)
  }

  /** Whether the actor, or its process, has more calls than it takes: wait before you try again. */
  get overloaded(): boolean {
    return this.code === 'ERR_ORBIT_ACTOR_BUSY'
  }
}

/** Why something failed, in words; anything can be thrown. It throws for nothing. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'what was thrown has no text' // its getters throw, or it has no prototype
  }
}
