import { Fleet, Inbox, inboxType, Outbox } from '../../src/index.js'
import type { Closable, Place, Publisher } from './driver.js'

/** How many messages one call sends at most. */
const batch = 256

const typeOf = ({ messageBytes }: Place) =>
  inboxType({ name: 'Message', kind: 2, capacity: 16_384, payloadBytes: messageBytes })

const join = ({ name, publishers, subscribers }: Place): Fleet =>
  Fleet.joinShm(name, { size: publishers + subscribers, lifetime: 'fleet' })

export async function subscribe(place: Place, hear: (message: Uint8Array) => void): Promise<Closable> {
  const fleet = join(place)
  const inbox = await Inbox.own(fleet, typeOf(place))
  const take = async () => {
    while (await inbox.wait()) {
      for (const { payload } of inbox.poll({ max: batch })) hear(payload)
      inbox.commit()
    }
  }
  void take()
  return fleet
}

/** Gathers messages until it is flushed or has a batch, and sends them in one call; waits while the inbox is full. */
export function publisher(place: Place): Publisher {
  const { messageBytes } = place
  const fleet = join(place)
  const outbox = new Outbox(fleet, typeOf(place))
  const room = Buffer.allocUnsafeSlow(batch * messageBytes)
  let length = 0
  async function send(): Promise<void> {
    const records = room.subarray(0, length)
    for (let sent = outbox.sendPacked(records, messageBytes) * messageBytes; sent < length; ) {
      await outbox.send(records.subarray(sent, sent + messageBytes))
      sent += messageBytes
      sent += outbox.sendPacked(records.subarray(sent), messageBytes) * messageBytes
    }
    length = 0
  }
  return {
    publish(message) {
      room.set(message, length)
      length += messageBytes
      return length === room.length ? send() : undefined
    },
    flush: () => send(),
    close: () => fleet.close(),
  }
}
