import { type Cursor, Fleet, type OrbitType, orbitType, type Poll } from '../../src/index.js'
import type { Closable, Place, Publisher } from './driver.js'

type Hear = (message: Uint8Array) => void

/** A ring that holds a burst: no subscriber may lose a message. */
function typeOf({ messageBytes, burst }: Place): OrbitType {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(burst, 1024)))
  return orbitType({ name: 'Message', kind: 1, capacity, payloadBytes: messageBytes })
}

const join = ({ name, publishers, subscribers }: Place): Fleet =>
  Fleet.joinShm(name, { size: publishers + subscribers, lifetime: 'fleet' })

function take({ frames }: Poll, hear: Hear): void {
  for (const { payload } of frames) hear(payload)
}

async function wait(cursor: Cursor, hear: Hear): Promise<void> {
  while (await cursor.wait()) take(cursor.poll(256), hear)
}

async function iterate(cursor: Cursor, hear: Hear): Promise<void> {
  for await (const poll of cursor) take(poll, hear)
}

async function listen(cursor: Cursor, hear: Hear): Promise<void> {
  cursor.listen((poll) => take(poll, hear), { max: 256 })
}

/** It shares the machine with other cells, so it sleeps when it has heard nothing for a while. */
async function spin(cursor: Cursor, hear: Hear): Promise<void> {
  while (!cursor.closed && (await cursor.wait())) {
    do take(cursor.poll(256), hear)
    while (await cursor.wait({ spin: true, timeoutMs: 20 }))
  }
}

const ways = { wait, iterate, listen, spin }

export function subscribe(place: Place, hear: Hear, how: keyof typeof ways): Closable {
  const fleet = join(place)
  const cursor = fleet.cursor(typeOf(place), 'head')
  ways[how](cursor, hear)
  return fleet
}

export function publisher(place: Place): Publisher {
  const fleet = join(place)
  const type = typeOf(place)
  return {
    publish(message) {
      fleet.publish(type, message)
    },
    close: () => fleet.close(),
  }
}
