// What all trials of messages have in common: their peers, and how a host speaks to them.

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
async function sendBurst(host: Host, count: number): Promise<number> {
  let began: number[] = []
  const heard = await hearWhile(host, count * host.publishers.length, async () => {
    began = await Promise.all(host.publishers.map((peer) => peer.ask<number>({ burst: count })))
  })
  return Math.max(...heard.map(({ lastNs }) => lastNs)) - Math.min(...began)
}

/** The most that one burst brings onto its way: more than the caches of a machine hold is another trial. */
const burstBytes = 8 * 2 ** 20

/** How many messages of this size may be on their way at once. */
export const burstOf = (messageBytes: number): number => Math.min(10_000, Math.floor(burstBytes / messageBytes))

/** How many each publisher sends at once, so that a burst takes about `wantedNs` or fills the room there is. */
async function fittingCount(host: Host, wantedNs: number): Promise<number> {
  const { burst, publishers } = host.parameters
  const most = Math.floor(burst / publishers)
  let count = Math.min(100, most)
  for (;;) {
    // The better of two: what is new is slow, and so is waking many.
    const elapsedNs = Math.min(await sendBurst(host, count), await sendBurst(host, count))
    if (elapsedNs >= wantedNs / 2) return Math.max(1, Math.min(most, Math.floor((count * wantedNs) / elapsedNs)))
    if (count === most) return most
    count = Math.min(most, count * 4)
  }
}

/** Visits of bursts, each as long as a visit or shorter; the messages a second of each burst. */
export function burstVisit(host: Host): () => Promise<number[]> {
  let count: number | undefined
  return async () => {
    const wantedNs = host.visitMs * 1e6
    count ??= await fittingCount(host, wantedNs)
    const samples: number[] = []
    // Another one only while it is likely to end within the visit.
    for (let elapsedNs = 0, lastNs = 0; elapsedNs + lastNs / 2 < wantedNs; elapsedNs += lastNs) {
      lastNs = await sendBurst(host, count)
      samples.push((count * host.publishers.length * 1e9) / lastNs)
    }
    return samples
  }
}
