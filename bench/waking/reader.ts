// A reader process of a waker: `reader.ts <hearing | "crowd" | "burst"> <fleet>`. It ends when its parent does.

import { createHook } from 'node:async_hooks'
import { Contest, type Cursor, type EventCursor, Fleet, OrbitEventBus } from '../../src/index.js'
import { consumed } from '../calls/call.js'
import { nowNs, pause } from '../clock.js'
import { tellParent as answer, endWithParent } from '../parent.js'
import {
  type BurstHeard,
  burst,
  burstFrames,
  crowd,
  crowdBus,
  crowdTopic,
  type Hearing,
  type Order,
  tick,
} from './wake.js'

const [role, name] = process.argv.slice(2) as [string, string]
endWithParent()

/** Counts down a round, and keeps by how much each message was late. */
let left = 0
let lateness: number[] = []
function heard(sentNs: number): void {
  lateness.push(nowNs() - sentNs)
  if (--left === 0) answer(lateness)
}

const sent = new Float64Array(1)
const sentBytes = new Uint8Array(sent.buffer)
function hearAll(cursor: Cursor): void {
  for (const { payload } of cursor.poll().frames) {
    sentBytes.set(payload)
    heard(sent[0] as number)
  }
}

/** Waits for the subject that the sender holds; when it was released stands in the ring. */
async function claimAll(fleet: Fleet, cursor: Cursor): Promise<void> {
  const contest = new Contest(fleet)
  for (;;) {
    const guard = await contest.claim('baton', { ttlMs: 60_000 })
    if (left > 0) hearAll(cursor)
    guard.release()
    while (contest.holder('baton') === undefined) await pause(0.2)
  }
}

async function listen(fleet: Fleet): Promise<void> {
  const cursor = fleet.cursor(tick, 'head')
  if (role === 'claim') return claimAll(fleet, cursor)
  if (role === 'iterate') {
    for await (const { frames } of cursor) {
      for (const { payload } of frames) {
        sentBytes.set(payload)
        heard(sent[0] as number)
      }
    }
    return
  }
  for (;;) {
    if (role === 'spin' && left === 0) await pause(1)
    else {
      await cursor.wait(role === 'spin' ? { spin: true, timeoutMs: 5 } : {})
      hearAll(cursor)
    }
  }
}

function hearTicks(): void {
  if (role !== 'send') {
    const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
    process.on('exit', () => fleet.close())
    listen(fleet)
  }
  process.on('message', (message: { hear: number } | { at: number }) => {
    if ('at' in message) heard(message.at)
    else {
      lateness = []
      left = message.hear
      answer('ready')
    }
  })
}

/** Reads the crowd's ring as told, a byte of each frame. */
function joinCrowd(): void {
  const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
  process.on('exit', () => fleet.close())
  const bus = new OrbitEventBus(fleet, crowdBus)
  let cursor: Cursor | EventCursor | undefined
  const take = (from: Cursor) => {
    for (const { payload } of from.poll().frames) consumed.number += payload[0] as number
  }
  const asleep = async (from: Cursor) => {
    while (await from.wait({})) take(from)
  }
  const awake = async (from: Cursor) => {
    while (cursor === from) {
      take(from)
      await pause(1)
    }
  }
  const awakeToEvents = async (from: EventCursor) => {
    while (cursor === from) {
      for (const { payload } of from.pollTopic(crowdTopic.subscribed).events) consumed.number += payload[0] as number
      await pause(1)
    }
  }
  const read = (how: Hearing | 'off') => {
    cursor?.close()
    cursor = undefined
    if (how === 'off') return
    if (how === 'events') {
      cursor = bus.cursor('head')
      awakeToEvents(cursor)
    } else {
      cursor = fleet.cursor(crowd, 'head')
      how === 'awake' ? awake(cursor) : asleep(cursor)
    }
  }
  process.on('message', (message: string | Order) => {
    if (typeof message === 'string') consumed.number += message.length
    else if ('read' in message) {
      read(message.read)
      answer('ready')
    }
  })
}

/** Counts the bytes of its bell where libuv does: in the pipe handle that the wait opens. */
function hearBursts(): void {
  const pipes: { bytesRead?: number }[] = []
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'PIPEWRAP') pipes.push(resource)
    },
  }).enable()
  const fleet = Fleet.joinShm(name, { lifetime: 'fleet' })
  process.on('exit', () => fleet.close())
  const cursor = fleet.cursor(burst, 'head')
  const bytes = () => pipes.reduce((sum, { bytesRead }) => sum + (bytesRead ?? Number.NaN), 0)
  let before = 0
  let [polls, frames, overwritten] = [0, 0, 0]
  const count = async () => {
    for await (const poll of cursor) {
      polls++
      frames += poll.frames.length
      overwritten += poll.lost
      for (const { payload } of poll.frames) consumed.number += payload[0] as number
      if (frames + overwritten < burstFrames) continue
      await pause(5) // a byte that is on its way still
      answer({ bytes: bytes() - before, polls, frames, overwritten } satisfies BurstHeard)
    }
  }
  count()
  hook.disable()
  if (pipes.length !== 1) throw new Error(`pipes=${pipes.length}: not just the bell's`)
  process.on('message', () => {
    before = bytes()
    polls = frames = overwritten = 0
    answer('ready')
  })
}

if (role === 'crowd') joinCrowd()
else if (role === 'burst') hearBursts()
else hearTicks()
answer('ready')
