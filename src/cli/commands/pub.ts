import { buffer } from 'node:stream/consumers'
import { OrbitEventBus } from '../../layers/bus.js'
import type { Call, Command } from '../command.js'
import { layerObject } from '../kindoperand.js'
import { joinToWrite } from '../member.js'
import { counted, printable } from '../text.js'

async function run(call: Call): Promise<void> {
  const { output } = call
  const topic = call.operand(1)
  const data = call.optional(2) ?? ''
  const name = call.text('name')
  const payload = data === '-' ? await buffer(process.stdin) : Buffer.from(data)
  const [member] = joinToWrite(call.operand(0), 'pub', (fleet) => layerObject(fleet, 'events', name))
  using fleet = member
  const id = new OrbitEventBus(fleet, name === undefined ? {} : { name }).publish(topic, payload)
  const { node, counter: position } = id
  const bytes = payload.length
  if (output.isJson) output.json({ fleet: fleet.name, topic, id, position, node, bytes })
  else output.line(`published #${position}  ${printable(topic)}  ${counted(bytes, 'byte')}`)
}

export const pub: Command = {
  name: 'pub',
  summary: 'publish an event',
  operands: ['FLEET', 'TOPIC', '[DATA]'],
  about: [
    'Joins the fleet as a member, publishes one event on its bus, and leaves. DATA is the text of the payload, which',
    'is not changed; default: an empty payload; -: all of the standard input.',
    '',
    'It creates nothing: the exit code is 3 if the fleet has no event bus, or if it has no living member and is not',
    'persistent.',
  ],
  options: { name: { type: 'string', value: 'NAME', about: 'the name of the bus; default: the one without a name' } },
  writes: ['pub'],
  examples: [
    { line: `orbit pub web orders.created '{"id":17}'`, about: 'an event with a payload of JSON' },
    { line: 'orbit pub web config.changed - < config.json', about: 'a file as the payload' },
  ],
  run,
}
