// What all trials of messages have in common: their peers, and how a host speaks to them.

import { nowNs } from '../clock.js'
import { type Heard, Hearing, type Look } from './hearing.js'
import { type Paced, Sending } from './sending.js'
import type { Answerer, Host, PeerContext } from './trial.js'

type SubscriberOrder = { readonly expect: number } | 'heard'
type PublisherOrder = { readonly burst: number } | { readonly paced: Paced }

async function subscribe({ driver, place, peer }: PeerContext, look: Look): Promise<Answerer> {
  const hearing = new Hearing(look, place.publishers)
  const subscribed = await driver.messages?.subscribe(place, hearing.hear, peer)
  return {
    answer: (order: SubscriberOrder) => (order === 'heard' ? hearing.heard() : hearing.expect(order.expect)),
    close: () => subscribed?.close(),
  }
}

async function publish({ driver, place, peer }: PeerContext, look: Look): Promise<Answerer> {
  const publisher = await driver.messages?.publisher(place, peer)
  if (publisher === undefined) throw new Error(`${driver.name} has no messages`)
  const sending = new Sending(publisher, { index: place.index, look, messageBytes: place.messageBytes })
  return {
    answer: (order: PublisherOrder) => ('burst' in order ? sending.burst(order.burst) : sending.paced(order.paced)),
    close: () => publisher.close(),
  }
}

/** The `peer` part of a trial of messages. */
export function messagePeer(look: Look): (context: PeerContext) => Promise<Answerer> {
  return (context) => (context.role === 'publisher' ? publish(context, look) : subscribe(context, look))
}

async function hearWhile(host: Host, expected: number, send: () => Promise<unknown>): Promise<Heard[]> {
  await Promise.all(host.subscribers.map((peer) => peer.ask({ expect: expected })))
  const heard = Promise.all(host.subscribers.map((peer) => peer.ask<Heard>('heard')))
  await Promise.all([heard, send()])
  return heard
}

/** Every publisher sends at this pace; what each subscriber heard. */
export function sendPaced(host: Host, paced: Paced): Promise<Heard[]> {
  const sendAll = () => Promise.all(host.publishers.map((peer) => peer.ask({ paced })))
  return hearWhile(host, paced.count * host.publishers.length, sendAll)
}

/** Every publisher sends so many as fast as it can; nanoseconds until the last subscriber has heard the last message. */
export async function sendBurst(host: Host, count: number): Promise<number> {
  let began: number[] = []
  const heard = await hearWhile(host, count * host.publishers.length, async () => {
    began = await Promise.all(host.publishers.map((peer) => peer.ask<number>({ burst: count })))
  })
  return Math.max(...heard.map(({ lastNs }) => lastNs)) - Math.min(...began)
}

/** The most of a burst that shall go into one message ring or queue: not what a cache of the machine could not hold. */
const burstBytes = 8 * 2 ** 20

/** How many messages of this size each of so many publishers may send at once. */
export const burstOf = (messageBytes: number, limit = 10_000): number =>
  Math.min(limit, Math.floor(burstBytes / messageBytes))

/**
 * Bursts, each a sample, until the visit is over. Its first visits find out how long a burst may be: a fifth of the
 * visit, and no longer than the room there is.
 */
export function burstVisit<T>(host: Host, sampleOf: (elapsedNs: number, count: number) => T): () => Promise<T[]> {
  const { burst, publishers } = host.parameters
  const most = Math.floor(burst / publishers)
  const wantedNs = (host.visitMs * 1e6) / 5
  let count = Math.min(100, most)
  let isCalibrated = false
  return async () => {
    while (!isCalibrated) {
      const elapsedNs = await sendBurst(host, count)
      isCalibrated = elapsedNs >= wantedNs / 4 || count === most
      const fitting = Math.floor((count * wantedNs) / elapsedNs)
      count = Math.max(1, Math.min(most, fitting, isCalibrated ? most : count * 8))
    }
    const samples: T[] = []
    const end = nowNs() + host.visitMs * 1e6
    while (samples.length === 0 || nowNs() < end) samples.push(sampleOf(await sendBurst(host, count), count))
    return samples
  }
}
