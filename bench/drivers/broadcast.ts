import { BroadcastChannel } from 'node:worker_threads'
import { bytesOf, textOf } from './ascii.js'
import type { Driver, Messages, Place } from './driver.js'

/** One for each publisher: they need not hear one another. */
const open = ({ name }: Place, publisher: number) => new BroadcastChannel(`${name}/${publisher}`)

const messages: Messages = {
  async subscribe(place, hear) {
    const channels = Array.from({ length: place.publishers }, (_, publisher) => open(place, publisher))
    for (const channel of channels) channel.onmessage = (event) => hear(bytesOf((event as MessageEvent).data))
    return {
      close() {
        for (const channel of channels) channel.close()
      },
    }
  },
  async publisher(place) {
    const channel = open(place, place.index)
    return { publish: (message) => channel.postMessage(textOf(message)), close: () => channel.close() }
  },
}

export const broadcast: Driver = {
  name: 'BroadcastChannel',
  settings: 'a channel for each publisher; text, which is cloned faster than bytes',
  peers: 'threads',
  version: () => `node ${process.versions.node}`,
  lacks: async () => undefined,
  messages,
}
