// What all trials of messages share: their peers, and how a host makes them send and hear.

import { nowNs, pause } from '../clock.js'
import type { Publisher } from '../drivers/driver.js'
import { type Heard, Hearing, type Look } from './hearing.js'
import { newMessage, writeSequence, writeTime } from './text.js'
import { type Case, type Host, type PeerContext, type PeerPart, partOf } from './trial.js'

/** A few messages at a time. */
export interface Paced {
  readonly count: number
  readonly atOnce: number
  readonly gapMs: number
}

type PublisherOrder = { readonly burst: number } | { readonly paced: Paced }
type SubscriberOrder = { readonly expect: number } | 'heard'

/** Publishes, and waits where the driver asks for it. */
export async function publishAll(publisher: Publisher, count: number, next: (i: number) => Uint8Array): Promise<void> {
  for (let i = 0; i < count; i++) {
    const taken = publisher.publish(next(i))
    if (taken !== undefined) await taken
  }
  const flushed = publisher.flush?.()
  if (flushed !== undefined) await flushed
}

async function publisherPart({ driver, place, line }: PeerContext, look: Look): Promise<PeerPart> {
  const publisher = await partOf(driver, 'messages').publisher(place, line)
  /** Those of a burst, made before it begins; a driver that keeps them was heard before they are written again. */
  const messages: Uint8Array[] = []
  let sequence = 0
  const numbered = (message: Uint8Array) => {
    writeSequence(message, place.index, sequence++)
    return message
  }
  async function burst(count: number): Promise<number> {
    while (messages.length < count) messages.push(newMessage(place.messageBytes))
    for (let i = 0; i < count; i++) numbered(messages[i] as Uint8Array)
    const beganNs = nowNs()
    await publishAll(publisher, count, (i) => messages[i] as Uint8Array)
    return beganNs
  }
  /** Nothing follows what was sent: what a publisher does next delays a subscriber that shares its core. */
  async function paced({ count, atOnce, gapMs }: Paced): Promise<number[]> {
    const costs: number[] = []
    for (let sent = 0; sent < count; sent += atOnce) {
      await pause(gapMs)
      const some = Array.from({ length: atOnce }, () => newMessage(place.messageBytes))
      if (look === 'count') for (const message of some) numbered(message)
      const beganNs = nowNs()
      await publishAll(publisher, atOnce, (i) => {
        const message = some[i] as Uint8Array
        if (look === 'lateness') writeTime(message, nowNs())
        return message
      })
      costs.push((nowNs() - beganNs) / atOnce)
    }
    return costs
  }
  return {
    answer: (order: PublisherOrder) => ('burst' in order ? burst(order.burst) : paced(order.paced)),
    close: () => publisher.close(),
  }
}

async function subscriberPart({ driver, place, line }: PeerContext, look: Look): Promise<PeerPart> {
  const hearing = new Hearing(look, place)
  const subscribed = await partOf(driver, 'messages').subscribe(place, hearing.hear, line)
  return {
    answer: (order: SubscriberOrder) => (order === 'heard' ? hearing.heard() : hearing.expect(order.expect)),
    close: () => subscribed.close(),
  }
}

/** The `peer` part of a trial of messages. */
export const messagePeer = (look: Look) => (context: PeerContext) =>
  context.role === 'publisher' ? publisherPart(context, look) : subscriberPart(context, look)

export const messageCase = (
  label: string,
  {
    publishers = 1,
    subscribers = 1,
    messageBytes = 64,
    burst = 10_000,
    ...values
  }: Partial<Case> & Record<string, unknown>,
): Case => ({ label, publishers, subscribers, messageBytes, burst, values: values as Case['values'] })

async function hearWhile<T>(host: Host, each: number, send: () => Promise<T>): Promise<{ heard: Heard[]; sent: T }> {
  const expected = each * host.publishers.length
  await Promise.all(host.subscribers.map((peer) => peer.ask({ expect: expected })))
  const heard = Promise.all(host.subscribers.map((peer) => peer.ask<Heard>('heard')))
  const [all, sent] = await Promise.all([heard, send()])
  return { heard: all, sent }
}

/**
 * Each publisher sends at this pace. Resolves to what each subscriber heard, and what a message cost each publisher.
 */
export async function sendPaced(host: Host, paced: Paced): Promise<{ heard: Heard[]; costs: number[] }> {
  const sendAll = () => Promise.all(host.publishers.map((peer) => peer.ask<number[]>({ paced })))
  const { heard, sent } = await hearWhile(host, paced.count, sendAll)
  return { heard, costs: sent.flat() }
}

/** Each publisher sends so many as fast as it can; nanoseconds until the last subscriber has heard the last message. */
async function sendBurst(host: Host, count: number): Promise<number> {
  const sendAll = () => Promise.all(host.publishers.map((peer) => peer.ask<number>({ burst: count })))
  const { heard, sent: began } = await hearWhile(host, count, sendAll)
  return Math.max(...heard.map(({ lastNs }) => lastNs)) - Math.min(...began)
}

/** More than the caches of a machine hold would be another trial. */
const burstBytes = 8 * 2 ** 20

/** How many messages of this size may be on their way at once. */
export const burstOf = (messageBytes: number): number => Math.min(10_000, Math.floor(burstBytes / messageBytes))

/** How many each publisher sends at once, so that a burst takes about `wantedNs` or fills the room there is. */
async function fittingCount(host: Host, wantedNs: number): Promise<number> {
  const most = Math.floor(host.case.burst / host.case.publishers)
  for (let count = Math.min(100, most); ; count = Math.min(most, count * 4)) {
    // The better of two: the first one of a size is slow.
    const elapsedNs = Math.min(await sendBurst(host, count), await sendBurst(host, count))
    if (elapsedNs >= wantedNs / 2) return Math.max(1, Math.min(most, Math.floor((count * wantedNs) / elapsedNs)))
    if (count === most) return most
  }
}

/** A run of bursts: the messages a second of each. */
export function burstSamples(host: Host): () => Promise<number[]> {
  let count: number | undefined
  return async () => {
    const wantedNs = host.runMs * 1e6
    count ??= await fittingCount(host, wantedNs)
    const samples: number[] = []
    // Another one only while it is likely to end within the run.
    for (let elapsedNs = 0, lastNs = 0; elapsedNs + lastNs / 2 < wantedNs; elapsedNs += lastNs) {
      lastNs = await sendBurst(host, count)
      samples.push((count * host.publishers.length * 1e9) / lastNs)
    }
    return samples
  }
}
