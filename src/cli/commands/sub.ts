import type { Call, Command } from '../command.js'
import { follow } from '../follow.js'
import { interrupt } from '../interrupt.js'
import { feedOf } from '../itemfeed.js'
import { layerObject } from '../kindoperand.js'
import { joinToWrite } from '../member.js'

async function run(call: Call): Promise<void> {
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const pattern = call.optional(1) ?? '>'
  const signal = interrupt()
  const bus = call.text('name')
  const [member, kind] = joinToWrite(call.operand(0), 'sub', (fleet) => layerObject(fleet, 'events', bus))
  using fleet = member
  const feed = feedOf(fleet, kind, { from: 'head', topic: pattern })
  const awaited = `events of topic ${pattern} in fleet ${fleet.name}, as node ${fleet.node}`
  await follow(call, feed, { limit, check: () => {}, signal, awaited, isMember: true })
}

export const sub: Command = {
  name: 'sub',
  summary: 'subscribe to events as a member',
  operands: ['FLEET', '[PATTERN]'],
  about: [
    'Joins the fleet as a member, and prints each event that comes from then on, as tail does, until Ctrl-C. PATTERN is',
    'that of a subscription: "a.*" matches one level, "a.>" all levels below; default: every topic.',
    '',
    'A publisher wakes it, where tail polls up to 20 ms later. It takes a node, so orbit nodes lists it, and while it',
    'runs the fleet has a living member. Use tail to look at a fleet without touching it.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: 'the name of the bus; default: the one without a name' },
    limit: { type: 'string', value: 'COUNT', about: 'end after COUNT events; default: never' },
    hex: { type: 'boolean', about: 'print every payload in hex' },
  },
  writes: ['sub'],
  examples: [{ line: "orbit sub web 'orders.>'", about: 'all events about orders, at once' }],
  run,
}
