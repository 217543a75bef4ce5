import { Fleet } from '../../core/fleet.js'
import type { Call, Command } from '../command.js'
import type { ItemFeed } from '../feed.js'
import { type ItemOptions, itemJson, itemText } from '../item.js'
import { feedOf } from '../itemfeed.js'
import { kindNamed, noRing } from '../kindoperand.js'

const pollMax = 1024

interface Plan extends ItemOptions {
  readonly limit: number
}

/** Prints the items up to the head of this moment, or collects them for a JSON document. */
async function dumpItems({ output }: Call, feed: ItemFeed, head: number, { limit, isHex }: Plan): Promise<object[]> {
  const document: object[] = []
  let count = 0
  while (feed.position < head && count < limit) {
    const { items, from, to } = feed.poll(Math.min(pollMax, head - feed.position))
    for (const item of items) {
      if (count >= limit) break
      if (item.item !== 'loss') count++
      if (output.isJson) document.push(itemJson(item, { isHex }))
      else output.line(itemText(output, item, { isHex }))
    }
    if (to === from) break
    await output.written()
  }
  if (count === 0 && !output.isJson) output.none('no frames to show')
  return document
}

async function run(call: Call): Promise<void> {
  const from = call.from('start')
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const frameKind = call.integer('frame-kind', 0, 255)
  using fleet = Fleet.observe(call.operand(0))
  const kind = kindNamed(fleet, call.operand(1))
  const feed = feedOf(fleet, kind, { from, topic: call.text('topic'), frameKind })
  const ring = fleet.existingRing(kind)
  if (ring === undefined) throw noRing(fleet, kind)
  const head = ring.head()
  const items = await dumpItems(call, feed, head, { limit, isHex: call.flag('hex') })
  if (call.output.isJson) call.output.json({ fleet: fleet.name, kind, name: ring.name, head, items })
}

export const dump: Command = {
  name: 'dump',
  summary: 'print the frames that a ring retains',
  operands: ['FLEET', 'KIND'],
  about: [
    'Prints the retained frames, oldest first, up to the newest one at this moment. KIND is a number, events, cache,',
    'one of these with a name (events:jobs), or the name of a type.',
    '',
    'Events are shown with their topic, mutations of the cache with their key, and frames of a typed ring by the pod',
    'that the ring stores. Other payloads are shown as JSON or text where possible, and otherwise in hex. Frames that',
    'were overwritten before they could be read, and damaged ones, are counted in their place.',
  ],
  options: {
    from: {
      type: 'string',
      value: 'WHERE',
      about: 'start (default), a position, or -COUNT for the last COUNT frames (--from=-10)',
    },
    limit: { type: 'string', value: 'COUNT', about: 'print at most COUNT frames; default: all' },
    'frame-kind': { type: 'string', value: 'N', about: 'print only frames with this frameKind, 0..255' },
    topic: {
      type: 'string',
      value: 'PATTERN',
      about: 'print only events with this topic; "a.*" matches one level, "a.>" all levels below',
    },
    hex: { type: 'boolean', about: 'print every payload in hex' },
  },
  examples: [
    { line: 'orbit dump web events', about: 'all retained events' },
    { line: 'orbit dump web 7 --from=-10 --hex', about: 'the last ten frames of KIND 7' },
  ],
  run,
}
