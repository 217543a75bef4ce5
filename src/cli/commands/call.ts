import { inspect } from 'node:util'
import { isUint8Array } from 'node:util/types'
import { OrbitError } from '../../base/errors.js'
import { abi } from '../../core/native.js'
import { RemoteError } from '../../layers/callwire.js'
import { Client } from '../../layers/client.js'
import { type Call, type Command, UsageError } from '../command.js'
import { joinToWrite } from '../member.js'
import { jsonText, type Output } from '../output.js'
import { printable } from '../text.js'

/** The service and its method in 'SERVICE.METHOD'. The name of a service may have dots. */
function namesIn(text: string): [service: string, method: string] {
  const dot = text.lastIndexOf('.')
  if (dot <= 0 || dot === text.length - 1) throw new UsageError(`NAME=${text} must be SERVICE.METHOD`)
  return [text.slice(0, dot), text.slice(dot + 1)]
}

function argumentOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch (error) {
    throw new UsageError(`JSON=${text} cannot be parsed: ${(error as Error).message}`)
  }
}

/** A Map, a Set and bytes have no JSON of their own. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Map || value instanceof Set) return [...value]
  return isUint8Array(value) ? Buffer.from(value).toString('base64') : value
}

/** What the handler threw, as every other error of the command is shown. Returns the exit code. */
function reportThrown(output: Output, what: string, { name, message, code }: RemoteError): number {
  if (output.isJson) process.stderr.write(`${jsonText({ error: { code: code ?? name, message, exitCode: 1 } })}\n`)
  else output.note(`${what} threw ${name}: ${message}`)
  return 1
}

async function run(call: Call): Promise<number> {
  const { output } = call
  const [service, method] = namesIn(call.operand(1))
  const value = argumentOf(call.optional(2))
  const timeoutMs = call.integer('timeout', 1, 0x7fffffff) ?? 30_000
  const [member] = joinToWrite(call.operand(0), 'call', (observed) => {
    if (observed.existing(abi.callKind) !== undefined) return
    throw new OrbitError('ERR_ORBIT_NO_SERVER', `no process of fleet ${observed.name} serves ${service}`)
  })
  using fleet = member
  const client = new Client<Record<string, (value: unknown) => unknown>>(fleet, service)
  const show = (result: unknown) => {
    if (output.isJson) output.json({ fleet: fleet.name, service, method, value: jsonOf(result) ?? null })
    else output.line(typeof result === 'string' ? printable(result) : inspect(result, { depth: null }))
  }
  try {
    if (!call.flag('stream')) show(await client.call(method, value, { timeoutMs }))
    else for await (const item of client.stream(method, value, { timeoutMs })) show(item)
    return 0
  } catch (error) {
    if (error instanceof RemoteError) return reportThrown(output, `${service}.${method}`, error)
    throw error
  }
}

export const callCommand: Command = {
  name: 'call',
  summary: 'call a handler of a service',
  operands: ['FLEET', 'NAME', '[JSON]'],
  about: [
    'Joins the fleet as a member, calls one handler in one of the processes that serve it, prints the answer, and',
    'leaves. NAME is SERVICE.METHOD. JSON is the value for the handler; default: undefined.',
    '',
    'The exit code is 1 if the handler throws, if no answer comes in time, or if the server dies, and 3 if no living',
    'process serves the name or has the handler.',
  ],
  options: {
    timeout: { type: 'string', value: 'MS', about: 'how long to wait for the answer, or an item; default 30000' },
    stream: { type: 'boolean', about: 'print the items of a handler that returns items, each on a line' },
  },
  writes: ['call'],
  examples: [
    { line: `orbit call web math.add '{"a":2,"b":3}'`, about: 'one call, by any process that serves math' },
    { line: 'orbit call web files.lines --stream --json', about: 'a JSON line for each item' },
  ],
  run,
}
