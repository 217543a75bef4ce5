// A peer, in a process or a thread of its own: `peer.js <PeerSpec as JSON>`. Started by crew.ts; ends with its host. Until it
// is opened it is what a peer costs that does nothing: drivers load their packages when they are opened.

import { parentPort, type Transferable } from 'node:worker_threads'
import type { Peer } from '../drivers/driver.js'
import { endWithParent } from '../parent.js'
import type { Answerer } from '../trials/trial.js'
import { type Answer, isOrder, type Order } from './order.js'
import { findDriver, findTrial, type PeerSpec, placeOf } from './spec.js'

const spec = JSON.parse(process.argv[2] as string) as PeerSpec
const hearers = new Set<(message: unknown) => void>()
/** What the driver's host part sent before we were open: ports, for one. */
let early: unknown[] = []

const peer: Peer = {
  post(message, transfer) {
    if (parentPort !== null) parentPort.postMessage(message, transfer as Transferable[] | undefined)
    else if (process.connected) process.send?.(message)
  },
  onMessage(hear) {
    hearers.add(hear)
    const missed = early
    early = []
    queueMicrotask(() => {
      for (const message of missed) hear(message)
    })
    return () => hearers.delete(hear)
  },
}

let opened: Answerer | undefined

async function open(): Promise<void> {
  const { role, index, parameters } = spec
  const context = { driver: findDriver(spec.driver), role, place: placeOf(spec, index), parameters, peer }
  opened = await findTrial(spec.trial).peer(context)
}

async function obey({ what, order }: Order): Promise<unknown> {
  if (what === 'open') return open()
  if (what === 'close') return opened?.close()
  if (what === 'collect') return globalThis.gc?.()
  if (opened === undefined) throw new Error('asked before it was opened')
  return opened.answer(order as never)
}

async function take(order: Order): Promise<void> {
  const benchAnswer = order.benchOrder
  try {
    peer.post({ benchAnswer, result: await obey(order) } satisfies Answer)
  } catch (error) {
    peer.post({ benchAnswer, error: (error as Error).stack ?? String(error) } satisfies Answer)
  }
}

function heard(message: unknown): void {
  if (isOrder(message)) take(message)
  else if (opened === undefined && hearers.size === 0) early.push(message)
  else for (const hear of hearers) hear(message)
}

if (parentPort !== null) parentPort.on('message', heard)
else {
  process.on('message', heard)
  endWithParent()
}
peer.post({ benchAnswer: 0 } satisfies Answer)
