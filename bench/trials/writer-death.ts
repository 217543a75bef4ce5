import { nowNs, pause } from '../clock.js'
import type { Publisher } from '../drivers/driver.js'
import { partOf } from './alone.js'
import { newMessage } from './text.js'
import type { Answerer, PeerContext, Trial } from './trial.js'
import { type Kill, killEachVisit, type Live, suits, withVictim } from './victims.js'

const parameters = [withVictim(1)]
const messages = 1000

async function publishSome(publisher: Publisher, message: Uint8Array, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const taken = publisher.publish(message)
    if (taken !== undefined) await taken
  }
  const flushed = publisher.flush?.()
  if (flushed !== undefined) await flushed
}

/** Until it is killed, or its host ends. */
async function storm(publisher: Publisher, message: Uint8Array): Promise<never> {
  for (;;) {
    await publishSome(publisher, message, messages)
    await new Promise(setImmediate)
  }
}

async function publisherPeer({ driver, place, peer }: PeerContext): Promise<Answerer> {
  const publisher = await driver.messages?.publisher(place, peer)
  if (publisher === undefined) throw new Error(`${driver.name} has no messages`)
  const message = newMessage(place.messageBytes)
  return {
    async answer(order: Live | Kill) {
      if ('live' in order) {
        setImmediate(() => storm(publisher, message))
        return undefined
      }
      await pause(20) // The victim is in the middle of it then.
      await publishSome(publisher, message, messages)
      for (let i = 0; i < 100; i++) process.kill(order.kill, 0) // It lives; and the call is a warm one.
      const beganNs = nowNs()
      process.kill(order.kill, 'SIGKILL')
      await publishSome(publisher, message, 1)
      return nowNs() - beganNs
    },
    close: () => publisher.close(),
  }
}

async function subscriberPeer(context: PeerContext): Promise<Answerer> {
  const { subscribe } = partOf(context.driver.messages, context)
  const subscribed = await subscribe(context.place, () => {}, context.peer)
  return { answer() {}, close: () => subscribed.close() }
}

export const writerDeath: Trial = {
  name: 'death of a writer',
  measures: 'from SIGKILL of a process that publishes without a pause until the next publish of another has returned',
  unit: 'ns',
  better: 'lower',
  needs: 'messages',
  suits,
  full: { parameters, rounds: 12, visitMs: 150 },
  quick: { parameters, rounds: 1, visitMs: 150 },
  host: killEachVisit,
  peer: (context) => (context.role === 'publisher' ? publisherPeer(context) : subscriberPeer(context)),
}
