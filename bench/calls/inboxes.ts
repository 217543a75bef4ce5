// Sending to an inbox and taking its messages, and the same through a ring.

import { type Fleet, Inbox, inboxType, Outbox, orbitType } from '../../src/index.js'
import { bytesOf } from './bytes.js'
import { batchCall, consumed } from './call.js'

const messages = 1000
const payload = bytesOf(64)
const records = bytesOf(messages * 64)
/** Made where it is used: a build that is compared may have no inboxes. */
const jobs = () => inboxType({ name: 'Jobs', kind: 2, capacity: 1024, payloadBytes: 64 })
const ringType = orbitType({ name: 'Bytes', kind: 1, capacity: 1024, payloadBytes: 64 })

const throughInbox = (name: string, measures: string, send: (outbox: Outbox) => void) =>
  batchCall(name, measures, messages, (fleet: Fleet) => {
    const type = jobs()
    const taken = Inbox.tryOwn(fleet, type)
    if (!('inbox' in taken)) throw new Error('another process owns the inbox')
    const { inbox } = taken
    const outbox = new Outbox(fleet, type)
    return () => {
      send(outbox)
      const found = inbox.poll()
      if (found.length !== messages) throw new Error(`${found.length} messages came`)
      consumed.number += found[0]?.payload[0] as number
      inbox.commit()
    }
  })

export default [
  batchCall(
    'publish and poll 1,000, 64 B',
    'fleet.publish of 64 bytes 1,000 times, then cursor.poll',
    messages,
    (fleet) => {
      const cursor = fleet.cursor(ringType)
      return () => {
        for (let i = 0; i < messages; i++) fleet.publish(ringType, payload)
        consumed.number += cursor.poll(messages).frames[0]?.payload[0] as number
      }
    },
  ),
  throughInbox(
    'inbox: send and take 1,000, 64 B',
    'outbox.trySend 1,000 times, then inbox.poll and inbox.commit',
    (outbox) => {
      for (let i = 0; i < messages; i++) outbox.trySend(payload)
    },
  ),
  throughInbox(
    'inbox: send packed and take, 64 B',
    'outbox.sendPacked of 1,000, then inbox.poll and commit',
    (outbox) => {
      outbox.sendPacked(records, 64)
    },
  ),
]
