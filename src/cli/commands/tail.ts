import { statSync } from 'node:fs'
import { OrbitError } from '../../base/errors.js'
import { Fleet } from '../../core/fleet.js'
import { abi } from '../../core/native.js'
import type { FleetObserver } from '../../core/observer.js'
import { eventKind } from '../../inspect/kinds.js'
import { pathOf } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import { type Check, follow } from '../follow.js'
import { interrupt } from '../interrupt.js'
import { feedOf } from '../itemfeed.js'
import { kindNamed } from '../kindoperand.js'

/** The interval of the checks whether the ring still has its name. */
const checkMs = 500

/** The inode of an object; undefined: it does not exist, or the folder cannot be listed. */
function inodeOf(fleet: string, what: number | 'fleet'): number | undefined {
  const path = pathOf(fleet, what)
  return path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.ino
}

const removed = (what: string): OrbitError => new OrbitError('ERR_ORBIT_NOT_FOUND', `${what} was removed`)

/** A check that throws when the open ring or its fleet has lost its name: no frame can come any more. */
function removalCheck(fleet: FleetObserver, kind: number, fleetInode: number | undefined): Check {
  let inode = inodeOf(fleet.name, kind)
  let dueMs = performance.now() + checkMs
  return (isUrgent = false) => {
    if (performance.now() < dueMs && !isUrgent) return
    dueMs = performance.now() + checkMs
    const now = inodeOf(fleet.name, kind)
    if (inode !== undefined && now !== inode) throw removed(`the ring of KIND ${kind} of fleet ${fleet.name}`)
    if (inodeOf(fleet.name, 'fleet') !== fleetInode) throw removed(`fleet ${fleet.name}`)
    inode = now
  }
}

/** What a tail of this ring waits for, for people. */
function awaitedOf(fleet: string, kind: number, topic: string | undefined): string {
  const what =
    topic !== undefined ? `events of topic ${topic}` : kind === eventKind ? 'events' : `frames of KIND ${kind}`
  const where = inodeOf(fleet, kind) === undefined ? ', and for a process to create that ring' : ''
  return `${what} in fleet ${fleet}${where}`
}

async function run(call: Call): Promise<void> {
  const limit = call.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  const from = call.from('head')
  const frameKind = call.integer('frame-kind', 0, abi.maxKind)
  const topic = call.text('topic')
  const signal = interrupt()
  const fleetInode = inodeOf(call.operand(0), 'fleet') // before the fleet is opened: never the inode of a later one
  using fleet = Fleet.observe(call.operand(0))
  const operand = call.optional(1)
  const kind = operand === undefined ? eventKind : kindNamed(fleet, operand)
  const feed = feedOf(fleet, kind, { from, topic, frameKind })
  const check = removalCheck(fleet, kind, fleetInode)
  await follow(call, feed, { limit, check, signal, awaited: awaitedOf(fleet.name, kind, topic) })
}

export const tail: Command = {
  name: 'tail',
  summary: 'print frames as they are published',
  operands: ['FLEET', '[KIND]'],
  about: [
    'Prints each new frame in the form of dump, until Ctrl-C (exit code 0). Without KIND it prints events. If the',
    'ring does not exist yet, tail waits for it. If the ring is removed, tail ends with exit code 3.',
    '',
    'Of an inbox it prints each accepted message, and leaves all of them to their owner.',
    '',
    'It never slows a publisher down. If frames are overwritten before it can print them, it prints in their place',
    'exactly how many were lost.',
  ],
  options: {
    topic: {
      type: 'string',
      value: 'PATTERN',
      about: 'print only events with this topic; "a.*" matches one level, "a.>" all levels below',
    },
    from: {
      type: 'string',
      value: 'WHERE',
      about: 'head (default), start for the retained frames too, a position, or -COUNT for the last COUNT frames',
    },
    limit: { type: 'string', value: 'COUNT', about: 'end after COUNT frames; default: never' },
    'frame-kind': { type: 'string', value: 'N', about: 'print only frames with this frameKind, 0..255' },
    hex: { type: 'boolean', about: 'print every payload in hex' },
  },
  examples: [
    { line: "orbit tail web --topic 'orders.>'", about: 'all events about orders' },
    { line: 'orbit tail web 7 --from start --json | jq .position', about: 'KIND 7, one JSON line for each frame' },
  ],
  run,
}
