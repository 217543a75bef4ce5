import { deserialize, serialize } from 'node:v8'
import { RemoteError } from 'orbit-node'
import { ActorError, type ActorErrorCode, actorErrorCodes, type Outcome } from './errors.js'
import { exactJson } from './exactjson.js'
import { cloned, FieldReader, FieldWriter, isPlain } from './fields.js'
import { requestOfText, textOfRequest } from './requesttext.js'

/** A call as it crosses to the process of its actor. */
export interface Request {
  readonly type: string
  readonly key: string
  readonly method: string
  readonly args: readonly unknown[]
  /** When its caller gives up, in milliseconds of CLOCK_MONOTONIC. */
  readonly deadlineMs: number
  /** The actors that wait for this call, the first caller first. */
  readonly chain: readonly string[]
  /** The system that calls: the node and the incarnation of its handle. */
  readonly caller: string
  /** The number of the call among those of its caller. */
  readonly sequence: number
  /** How often calls of this caller to this partition have been sent anew. */
  readonly epoch: number
  /** Whether the caller waits only until the method begins. */
  readonly isTell: boolean
  /** Calls of one key run once. */
  readonly idempotencyKey: string | undefined
}

/** A request as the process of its actor reads it. */
export interface ReceivedRequest extends Request {
  /** The type, "/", and the key. */
  readonly id: string
  /** The node that the name of the caller begins with; NaN: it begins with none. */
  readonly node: number
}

/** The names of an actor and a caller, as they are used later. */
export function placesOf(type: string, key: string, caller: string): { readonly id: string; readonly node: number } {
  return { id: `${type}/${key}`, node: Number.parseInt(caller, 10) }
}

/** What a method threw, as plain data. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly cause: unknown
  readonly fields: Readonly<Record<string, unknown>>
}

/** Why an actor did not run a call, or ended it without its result. */
export interface Refusal {
  readonly code: ActorErrorCode
  readonly message: string
  readonly outcome: Outcome
  readonly path?: readonly string[] | undefined
  /** What onActivate threw. */
  readonly failure?: Failure | undefined
}

/** How a call ended in the process of its actor. 'moved': that process has not begun it, and another one may run it. */
export type Ending =
  | { readonly how: 'returned'; readonly value: unknown }
  | { readonly how: 'threw'; readonly failure: Failure }
  | { readonly how: 'refused'; readonly refusal: Refusal }
  | { readonly how: 'moved' }

/** Raised when the messages change: a process refuses those of another version. */
const version = 4
const [returned, threw, refused, moved] = [0, 1, 2, 3]
/** Flags of a request. */
const [isTold, hasKey, isWhole] = [1, 2, 4]
const writer = new FieldWriter()

/** Bytes are valid until the next message is encoded. Throws for a value that cannot cross. */
export const encodeRequest = (request: Request): string | Uint8Array => textOfRequest(request) ?? bytesOf(request)

function bytesOf(request: Request): Uint8Array {
  const { args, chain, isTell, idempotencyKey } = request
  const whole = args.length > 255 || !args.every(isPlain) ? serialize(args) : undefined
  const key = idempotencyKey === undefined ? 0 : hasKey
  writer.begin(version).byte((isTell ? isTold : 0) | key | (whole === undefined ? 0 : isWhole))
  writer.number(request.deadlineMs).number(request.sequence).number(request.epoch)
  writer.texts([request.type, request.key, request.method, request.caller])
  writer.byte(chain.length)
  for (const actor of chain) writer.text(actor)
  if (idempotencyKey !== undefined) writer.text(idempotencyKey)
  if (whole !== undefined) return writer.value(args, whole).view()
  writer.byte(args.length)
  for (const arg of args) writer.value(arg, undefined)
  return writer.view()
}

/** The request in a message from another process; undefined: it is none. */
export function decodeRequest(message: unknown): ReceivedRequest | undefined {
  if (typeof message === 'string') return requestOfText(message)
  return read(message, (reader) => {
    const flags = reader.byte()
    const deadlineMs = reader.number()
    const sequence = reader.number()
    const epoch = reader.number()
    const names = reader.texts()
    if (names.length !== 4) return undefined
    const [type, key, method, caller] = names as [string, string, string, string]
    const chain: string[] = []
    for (let left = reader.byte(); left > 0; left--) chain.push(reader.text())
    const idempotencyKey = (flags & hasKey) === 0 ? undefined : reader.text()
    const args = (flags & isWhole) === 0 ? argsOf(reader) : reader.value()
    if (!Array.isArray(args)) return undefined
    const isTell = (flags & isTold) !== 0
    const { id, node } = placesOf(type, key, caller)
    return { type, key, method, args, deadlineMs, chain, caller, sequence, epoch, isTell, idempotencyKey, id, node }
  })
}

function argsOf(reader: FieldReader): unknown[] {
  const args: unknown[] = []
  for (let left = reader.byte(); left > 0; left--) args.push(reader.value())
  return args
}

/** Throws for a value that cannot cross. */
export function encodeEnding(ending: Ending): Uint8Array {
  const [kind, value] = bodyOf(ending)
  const bytes = cloned(value)
  return writer.begin(version).byte(kind).value(value, bytes).end()
}

function bodyOf(ending: Ending): [kind: number, body: unknown] {
  if (ending.how === 'returned') return [returned, ending.value]
  if (ending.how === 'threw') return [threw, ending.failure]
  return ending.how === 'refused' ? [refused, ending.refusal] : [moved, undefined]
}

/** The ending of bytes from another process; undefined: they are none. */
export function decodeEnding(bytes: unknown): Ending | undefined {
  return read(bytes, (reader) => {
    const kind = reader.byte()
    const body = reader.value()
    if (kind === returned) return { how: 'returned', value: body }
    if (kind === threw) return isFailure(body) ? { how: 'threw', failure: body } : undefined
    if (kind === refused) return isRefusal(body) ? { how: 'refused', refusal: body } : undefined
    return kind === moved ? { how: 'moved' } : undefined
  })
}

/** What answers a call: bytes, or a result that crosses for less. */
export type Reply = Uint8Array | string | number | boolean | null | undefined

/** Throws for a value that cannot cross. */
export function encodeReply(ending: Ending): Reply {
  if (ending.how !== 'returned') return encodeEnding(ending)
  const { value } = ending
  if (typeof value === 'string') return `=${value}`
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean') return value
  return (typeof value === 'object' ? exactJson(value) : undefined) ?? encodeEnding(ending)
}

/** The ending in an answer from another process; undefined: it is none. */
export function decodeReply(answer: unknown): Ending | undefined {
  if (typeof answer === 'string') return answer.startsWith('=') ? returnedAs(answer.slice(1)) : endingOfJson(answer)
  if (typeof answer === 'object' && answer !== null) return decodeEnding(answer)
  return returnedAs(answer)
}

const returnedAs = (value: unknown): Ending => ({ how: 'returned', value })

function endingOfJson(text: string): Ending | undefined {
  try {
    return returnedAs(JSON.parse(text))
  } catch {
    return undefined // foreign text
  }
}

/** A message of this version, all of it. */
function read<T>(bytes: unknown, message: (reader: FieldReader) => T | undefined): T | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    const reader = new FieldReader(bytes)
    if (reader.byte() !== version) return undefined
    const value = message(reader)
    return reader.isAtEnd ? value : undefined
  } catch {
    return undefined // of another version of Node, or foreign bytes
  }
}

const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string')

function isFailure(value: unknown): value is Failure {
  const { name, message, stack, fields } = (value ?? {}) as Record<string, unknown>
  return [name, message, stack].every((text) => typeof text === 'string') && typeof fields === 'object'
}

function isRefusal(value: unknown): value is Refusal {
  const { code, message, outcome, path, failure } = (value ?? {}) as Record<string, unknown>
  const isKnown = typeof code === 'string' && Object.hasOwn(actorErrorCodes, code) && typeof message === 'string'
  const isOutcome = outcome === 'not-run' || outcome === 'unknown' || outcome === 'done' || outcome === 'rolled-back'
  return isKnown && isOutcome && (path === undefined || areTexts(path)) && (failure === undefined || isFailure(failure))
}

/** What was thrown, as plain data that can cross. It throws for nothing: a turn that has failed must end. */
export function failureOf(thrown: unknown): Failure {
  try {
    return readFailure(thrown)
  } catch {
    const message = 'what was thrown has no text' // its getters throw, or it has no prototype
    return { name: 'Error', message, stack: '', cause: undefined, fields: {} }
  }
}

function readFailure(thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { name, message, cause, stack = '' } = error
  const failure = { name: String(name), message: String(message), stack: String(stack), cause, fields: { ...error } }
  try {
    return deserialize(serialize(failure)) // an error that is its own cause is written, and cannot be read
  } catch {
    return { ...failure, cause: undefined, fields: {} } // a field that cannot be cloned
  }
}

/** The error for the caller: what the method threw, with the stack of the process in which it ran. */
export function remoteErrorOf({ name, message, stack, cause, fields }: Failure): RemoteError {
  const error = new RemoteError(message, cause === undefined ? undefined : { cause })
  const own = { ...fields, name, remoteStack: stack }
  for (const [field, value] of Object.entries(own)) {
    Object.defineProperty(error, field, { value, enumerable: field !== 'name', writable: true, configurable: true })
  }
  return error
}

/** The error for the caller of a call that was refused. */
export function refusalError({ code, message, outcome, path, failure }: Refusal, actor: string): ActorError {
  return new ActorError(code, message, {
    outcome,
    actor,
    ...(path !== undefined && { path }),
    ...(failure !== undefined && { cause: remoteErrorOf(failure) }),
  })
}

const isPrimitive = (value: unknown): boolean => (typeof value !== 'object' || value === null) && !isUncloneable(value)
const isUncloneable = (value: unknown): boolean => typeof value === 'function' || typeof value === 'symbol'

/** A copy, as it would arrive in another process. Throws a DataCloneError for a value that cannot cross. */
export function copyOf<T>(value: T): T {
  return isPrimitive(value) ? value : structuredClone(value)
}

/** Whether arguments need no copies: the caller cannot change them. */
export const areCopies = (args: readonly unknown[]): boolean => args.every(isPrimitive)

/** Copies of arguments, as they would arrive in another process. */
export function copiesOf(args: readonly unknown[]): readonly unknown[] {
  return areCopies(args) ? args : structuredClone(args)
}
