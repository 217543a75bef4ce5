import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { abi } from '../../core/native.js'
import type { FleetObserver } from '../../core/observer.js'
import { eventKind } from '../../inspect/report.js'
import type { Call, Command } from '../command.js'
import { interrupt } from '../interrupt.js'
import { kindNamed } from '../kinds.js'
import { sharedMemory, userId, within } from '../objects.js'
import { jsonText } from '../output.js'
import { itemJson, itemText } from '../show.js'
import { gone, type Items, type Source, sourceOf } from '../source.js'

const pollMax = 4096
/** An observer cannot be rung: it looks again and again, less often the longer there was nothing. */
const firstPauseMs = 1
const lastPauseMs = 20
/** How often it looks whether its object still has its name. */
const checkMs = 500

/** The inode under the ring's name; undefined: none. */
function inodeOf(fleet: string, kind: number | 'fleet'): number | undefined {
  try {
    return statSync(join(sharedMemory, `orbit-${fleet}-${kind}-${userId}`)).ino
  } catch {
    return undefined
  }
}

type Check = (isUrgent?: boolean) => void

/** Throws when what we have open has lost its name, also to a namesake: nothing will come any more. */
function removalCheck(fleet: FleetObserver, kind: number, fleetInode: number | undefined): Check {
  let inode = inodeOf(fleet.name, kind)
  let dueMs = performance.now() + checkMs
  return (isUrgent = false) => {
    if (performance.now() < dueMs && !isUrgent) return
    dueMs = performance.now() + checkMs
    const now = inodeOf(fleet.name, kind)
    if (inode !== undefined && now !== inode) throw gone(`the ring of KIND ${kind} of fleet ${fleet.name}`)
    if (inodeOf(fleet.name, 'fleet') !== fleetInode) throw gone(`fleet ${fleet.name}`)
    inode = now
  }
}

/** What a namesake made in place of the ring is refused; then ours is gone. */
function pollOf(source: Source, max: number, check: Check): Items {
  try {
    return source.poll(max)
  } catch (error) {
    check(true)
    throw error
  }
}

async function follow(call: Call, source: Source, limit: number, check: Check, signal: AbortSignal): Promise<void> {
  const { output } = call
  const show = { isHex: call.flag('hex') }
  const text = output.isJson
    ? (item: Parameters<typeof itemJson>[0]) => jsonText(itemJson(item, show))
    : (item: Parameters<typeof itemJson>[0]) => itemText(output, item, show)
  let pauseMs = firstPauseMs
  for (let left = limit; left > 0 && !signal.aborted; ) {
    const { items, from, to } = pollOf(source, Math.min(pollMax, left), check)
    if (items.length > 0) output.line(items.map(text).join('\n'))
    left -= items.reduce((count, { item }) => count + (item === 'loss' ? 0 : 1), 0)
    check()
    pauseMs = to > from ? firstPauseMs : Math.min(lastPauseMs, pauseMs * 2)
    await output.written()
    if (left > 0) await sleep(to > from ? 0 : pauseMs, undefined, { signal }).catch(() => {})
  }
}

async function run(call: Call): Promise<void> {
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const from = call.from('head')
  const frameKind = call.integer('frame-kind', 0, abi.maxKind)
  const signal = interrupt()
  const fleetInode = inodeOf(call.operand(0), 'fleet') // before it is opened: never that of a successor
  await within(call.operand(0), async (fleet) => {
    const operand = call.optional(1)
    const kind = operand === undefined ? eventKind : kindNamed(fleet, operand)
    const source = sourceOf(fleet, kind, { from, topic: call.text('topic'), frameKind })
    await follow(call, source, limit, removalCheck(fleet, kind, fleetInode), signal)
  })
}

export const tail: Command = {
  name: 'tail',
  summary: 'what is published from now on',
  operands: ['FLEET', '[KIND]'],
  about: [
    'Shows frames as they come, as dump does, until Ctrl-C (exit code 0). Without KIND: events. A ring that does not exist',
    'yet is waited for; when the ring is removed it ends with exit code 3. It slows nobody down: whoever publishes faster',
    'than it can show laps it, and then it says in line exactly how many were lost.',
  ],
  options: {
    topic: {
      type: 'string',
      value: 'PATTERN',
      about: 'only events of this topic: exact, "a.*" one level, "a.>" the rest',
    },
    from: {
      type: 'string',
      value: 'WHERE',
      about: 'head (default), start: also what is retained, a position, or -COUNT',
    },
    limit: { type: 'string', value: 'COUNT', about: 'end after so many; default never' },
    'frame-kind': { type: 'string', value: 'N', about: 'only frames with this frameKind, 0..255' },
    hex: { type: 'boolean', about: 'every byte in hex' },
  },
  examples: [
    { line: "orbit tail web --topic 'orders.>'", about: 'every event about orders' },
    { line: 'orbit tail web 7 --from start --json | jq .position', about: 'KIND 7, a JSON line for each frame' },
  ],
  run,
}
