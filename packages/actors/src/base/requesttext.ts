import { digitsOf } from './digits.js'
import { exactJson } from './exactjson.js'
import { placesOf, type ReceivedRequest, type Request } from './wire.js'

/** Raised when the text changes: a process refuses those of another version. */
const version = 6
const noArgs = '[]'

/** What requests of one caller to one method of one actor have in common. */
type Names = Omit<Request, 'args' | 'deadlineMs' | 'sequence'>
type ReadNames = Omit<ReceivedRequest, 'args' | 'deadlineMs' | 'sequence'>
/** The JSON of names, and a line end, which JSON has nowhere else: the text of a request begins with it. */
interface Head<N = Names> {
  readonly text: string
  readonly names: N
}

/** Names in quotes: they come again and again. */
const quotes = new Map<string, string>()
const [mostQuotes, longestQuote] = [4096, 64]

function quoted(name: string): string {
  const known = quotes.get(name)
  if (known !== undefined) return known
  const made = JSON.stringify(name)
  if (quotes.size < mostQuotes && name.length <= longestQuote) quotes.set(name, made)
  return made
}

/** The JSON of arguments, most of which are few and plain; undefined: they need structured clone. */
function jsonOfArgs(args: readonly unknown[]): string | undefined {
  if (args.length > 8) return exactJson(args)
  let json = ''
  for (const arg of args) {
    if (json !== '') json += ','
    if (typeof arg === 'string') json += JSON.stringify(arg)
    else if (typeof arg === 'number' && Number.isFinite(arg) && !Object.is(arg, -0)) json += digitsOf(arg)
    else if (typeof arg === 'boolean' || arg === null) json += arg
    else return exactJson(args)
  }
  return `[${json}]`
}

/** Names that no request has, so that no look at the last ones needs to ask whether there are any. */
const noNames: Names = {
  type: '',
  key: '',
  method: '',
  caller: '',
  epoch: -1,
  isTell: false,
  chain: [],
  idempotencyKey: undefined,
}
/** The head that was written last, the deadline behind it, and both as text: most requests have those of the last. */
let [written, writtenMs, beginning]: [Head, number, string] = [{ text: '', names: noNames }, 0, '']

function headOf({ type, key, method, caller, epoch, isTell, chain, idempotencyKey }: Names): Head {
  const names = `${quoted(type)},${quoted(key)},${quoted(method)},${quoted(caller)}`
  const actors = chain.length === 0 ? noArgs : JSON.stringify(chain)
  const once = idempotencyKey === undefined ? 'null' : JSON.stringify(idempotencyKey)
  const text = `[${version},${names},${epoch},${isTell ? 1 : 0},${actors},${once}]\n`
  return { text, names: { type, key, method, caller, epoch, isTell, chain, idempotencyKey } }
}

function isWritten({ type, key, method, caller, epoch, isTell, chain, idempotencyKey }: Names): boolean {
  const { names } = written
  if (key !== names.key || method !== names.method || type !== names.type || caller !== names.caller) return false
  if (epoch !== names.epoch || isTell !== names.isTell || idempotencyKey !== names.idempotencyKey) return false
  return chain === names.chain || (chain.length === 0 && names.chain.length === 0)
}

/**
 * A request as JSON. Reading it takes no buffer of its own, so it costs half as much as bytes. Undefined: its arguments
 * need structured clone. Deadlines are whole milliseconds, the later one.
 */
export function textOfRequest(request: Request): string | undefined {
  const { args } = request
  const json = args.length === 0 ? noArgs : jsonOfArgs(args)
  if (json === undefined) return undefined
  const deadlineMs = Math.ceil(request.deadlineMs)
  if (!isWritten(request) || deadlineMs !== writtenMs) {
    if (!isWritten(request)) written = headOf(request)
    writtenMs = deadlineMs
    const deadline = Number.isFinite(deadlineMs) ? deadlineMs : '1e999' // which JSON reads as Infinity
    beginning = `${written.text}[${deadline},`
  }
  return `${beginning}${digitsOf(request.sequence)},${json}]`
}

/** Heads that were read, by their texts. Each keeps the text of a request alive. */
const heads = new Map<string, Head<ReadNames>>()
const [mostHeads, longestText] = [1024, 1024]
/** The one that was read last: most requests have it. */
let read: Head<ReadNames> | undefined

/** The request of a text from another process; undefined: it is none. */
export function requestOfText(text: string): ReceivedRequest | undefined {
  const head = headOfText(text)
  if (head === undefined) return undefined
  const rest = parsed(text.slice(head.text.length))
  if (rest === undefined || rest.length !== 3) return undefined
  const [deadlineMs, sequence, args] = rest
  if (typeof deadlineMs !== 'number' || typeof sequence !== 'number' || !Array.isArray(args)) return undefined
  const { type, key, method, caller, epoch, isTell, chain, idempotencyKey, id, node } = head.names
  return { type, key, method, args, deadlineMs, chain, caller, sequence, epoch, isTell, idempotencyKey, id, node }
}

function headOfText(text: string): Head<ReadNames> | undefined {
  // Not startsWith, which takes several times as long.
  if (read !== undefined && text.slice(0, read.text.length) === read.text) return read
  const head = text.slice(0, text.indexOf('\n') + 1)
  const known = heads.get(head)
  if (known !== undefined) {
    read = known
    return known
  }
  const names = namesOf(head)
  if (names === undefined) return undefined
  const made = { text: head, names }
  if (names.chain.length > 0 || names.idempotencyKey !== undefined || text.length > longestText) return made
  if (heads.size >= mostHeads) heads.clear()
  heads.set(head, made)
  read = made
  return made
}

function namesOf(head: string): ReadNames | undefined {
  const all = parsed(head)
  if (all === undefined || all.length !== 9 || all[0] !== version) return undefined
  const [, type, key, method, caller, epoch, isTell, chain, idempotencyKey] = all
  if (typeof type !== 'string' || typeof key !== 'string' || typeof method !== 'string') return undefined
  if (typeof caller !== 'string' || typeof epoch !== 'number' || !areTexts(chain)) return undefined
  if (idempotencyKey !== null && typeof idempotencyKey !== 'string') return undefined
  const once = idempotencyKey ?? undefined
  const places = placesOf(type, key, caller)
  return { type, key, method, caller, epoch, isTell: isTell === 1, chain, idempotencyKey: once, ...places }
}

/** The array of a JSON text; undefined: it is none. */
function parsed(text: string): unknown[] | undefined {
  try {
    const all: unknown = JSON.parse(text)
    return Array.isArray(all) ? all : undefined
  } catch {
    return undefined // foreign text
  }
}

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
