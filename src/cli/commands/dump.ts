import type { Call, Command } from '../command.js'
import type { Item } from '../decode.js'
import { kindNamed, noRing } from '../kinds.js'
import { within } from '../objects.js'
import { itemJson, itemText } from '../show.js'
import { sourceOf } from '../source.js'

const pollMax = 1024

async function run(call: Call): Promise<void> {
  const { output } = call
  const from = call.from('start')
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const frameKind = call.integer('frame-kind', 0, 255)
  const show = { isHex: call.flag('hex') }
  await within(call.operand(0), async (fleet) => {
    const kind = kindNamed(fleet, call.operand(1))
    const ring = fleet.existing(kind)
    if (ring === undefined) throw noRing(fleet, kind)
    const source = sourceOf(fleet, kind, { from, topic: call.text('topic'), frameKind })
    // What is published from now on is for the next dump.
    const head = ring.head()
    const document: object[] = []
    let shown = 0
    while (source.position < head && shown < limit) {
      const { items, from, to } = source.poll(Math.min(pollMax, head - source.position))
      for (const item of items) {
        if (shown >= limit) break
        if (item.item !== 'loss') shown++
        if (output.isJson) document.push(itemJson(item, show))
        else output.line(itemText(output, item as Item, show))
      }
      if (to === from) break
      await output.written()
    }
    if (output.isJson) output.json({ fleet: fleet.name, kind, name: ring.stats().name, head, items: document })
  })
}

export const dump: Command = {
  name: 'dump',
  summary: 'the frames that a ring retains',
  operands: ['FLEET', 'KIND'],
  about: [
    'Shows what a ring holds, oldest first, and ends. Events come with their topic and JSON or text, mutations of the',
    'cache with their key; frames of a typed ring by the layout that its creator left in it; of other rings the payload',
    'as JSON or text where it is any, else as hex with its text. Frames that were overwritten before they could be read, or whose bytes contradict the layout, are counted in line.',
    '',
    'KIND is a number, events, cache, or the name of a type; the ring is opened as it is, whatever its type.',
  ],
  options: {
    from: {
      type: 'string',
      value: 'WHERE',
      about: 'start (default), a position, or -COUNT: so many before the head (--from=-10)',
    },
    limit: { type: 'string', value: 'COUNT', about: 'at most so many frames; default all' },
    'frame-kind': { type: 'string', value: 'N', about: 'only frames with this frameKind, 0..255' },
    topic: { type: 'string', value: 'PATTERN', about: 'of events: a topic, "a.*" one level, "a.>" the rest' },
    hex: { type: 'boolean', about: 'every byte in hex' },
  },
  examples: [
    { line: 'orbit dump web events', about: 'all events that are retained' },
    { line: 'orbit dump web 7 --from=-10 --hex', about: 'the last ten frames of KIND 7' },
  ],
  run,
}
