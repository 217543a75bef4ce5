import { exactJson } from './exactjson.js'
import type { Request } from './wire.js'

/** Raised when the text changes: a process refuses those of another version. */
const version = 5
const noArgs = '[]'
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
    if (typeof arg === 'string') json += `,${JSON.stringify(arg)}`
    else if (typeof arg === 'number' && Number.isFinite(arg) && !Object.is(arg, -0)) json += `,${arg}`
    else if (typeof arg === 'boolean' || arg === null) json += `,${arg}`
    else return exactJson(args)
  }
  return `[${json.slice(1)}]`
}

/**
 * A request as JSON. Reading it takes no buffer of its own, so it costs half as much as bytes. Undefined: its arguments
 * need structured clone. Deadlines are whole milliseconds, the later one.
 */
export function textOfRequest(request: Request): string | undefined {
  const { args, chain, deadlineMs, sequence, epoch, isTell, idempotencyKey } = request
  const json = args.length === 0 ? noArgs : jsonOfArgs(args)
  if (json === undefined) return undefined
  const deadline = Number.isFinite(deadlineMs) ? Math.ceil(deadlineMs) : '1e999' // which JSON reads as Infinity
  const names = `${quoted(request.type)},${quoted(request.key)},${quoted(request.method)},${quoted(request.caller)}`
  const actors = chain.length === 0 ? noArgs : JSON.stringify(chain)
  const key = idempotencyKey === undefined ? 'null' : JSON.stringify(idempotencyKey)
  return `[${version},${names},${deadline},${sequence},${epoch},${isTell ? 1 : 0},${actors},${key},${json}]`
}

/** The request of a text from another process; undefined: it is none. */
export function requestOfText(text: string): Request | undefined {
  let all: unknown
  try {
    all = JSON.parse(text)
  } catch {
    return undefined // foreign text
  }
  if (!Array.isArray(all) || all.length !== 12 || all[0] !== version) return undefined
  const [type, key, method, caller, chain] = [all[1], all[2], all[3], all[4], all[9]]
  const [deadlineMs, sequence, epoch, idempotencyKey, args] = [all[5], all[6], all[7], all[10], all[11]]
  if (typeof type !== 'string' || typeof key !== 'string' || typeof method !== 'string') return undefined
  if (typeof caller !== 'string' || !areTexts(chain) || !Array.isArray(args)) return undefined
  if (typeof deadlineMs !== 'number' || typeof sequence !== 'number' || typeof epoch !== 'number') return undefined
  if (idempotencyKey !== null && typeof idempotencyKey !== 'string') return undefined
  const isTell = all[8] === 1
  return {
    type,
    key,
    method,
    args,
    deadlineMs,
    chain,
    caller,
    sequence,
    epoch,
    isTell,
    idempotencyKey: idempotencyKey ?? undefined,
  }
}

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
