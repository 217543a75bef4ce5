// One of several writer processes: `writer.ts <fleet>`. It joins, says so in the barrier ring, waits there for the common
// start, and publishes until the common end. Started by writers.ts, which also says what the answer means.

import { Fleet } from '../../src/index.js'
import { bytesOf } from '../calls/call.js'
import { endWithParent, tellParent } from '../parent.js'
import { barrierType, type Start, storm, stormPayloadBytes, type Written } from './writers.js'

const [name] = process.argv.slice(2) as [string]
endWithParent()

const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
process.on('exit', () => fleet.close())
const payload = bytesOf(stormPayloadBytes)
const start = new BigUint64Array(2)
const clock = process.hrtime.bigint
/** Clock looks are rare enough to cost nothing, and often enough to stop on time. */
const burst = 200

/** Compiles the loop on a ring that nobody counts. */
function publishUntil(type: typeof storm, endNs: bigint): { first: number; last: number; frames: number } {
  const first = fleet.publish(type, payload).counter
  let frames = 1
  let last = first
  do {
    for (let i = 0; i < burst; i++) last = fleet.publish(type, payload).counter
    frames += burst
  } while (clock() < endNs)
  return { first, last, frames }
}

process.on('message', ({ warmUpNs, parentNode }: Start) => {
  publishUntil(barrierType('warm-up', 2), clock() + BigInt(warmUpNs))
  // The barrier, all in shared memory: each writer's frame, then the one that names the start and the end.
  const barrier = barrierType('barrier', 3)
  const cursor = fleet.cursor(barrier)
  fleet.publish(barrier, new Uint8Array(16))
  for (let isOpen = false; !isOpen; ) {
    if (fleet.isDead(parentNode)) return // Nobody will open it.
    for (const frame of cursor.poll().frames) {
      if (frame.frameKind !== 1) continue
      new Uint8Array(start.buffer).set(frame.payload)
      isOpen = true
    }
  }
  const [startNs, endNs] = start as unknown as [bigint, bigint]
  while (clock() < startNs);
  const startedNs = clock()
  const { first, last, frames } = publishUntil(storm, endNs)
  tellParent({ startedNs: `${startedNs}`, endedNs: `${clock()}`, first, last, frames } satisfies Written)
})
tellParent('ready')
