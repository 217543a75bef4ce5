import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Socket, Subscriber } from 'zeromq'
import { type Driver, lacksPackage, type Place } from './driver.js'

const require = createRequire(import.meta.url)
const load = () => import('zeromq')

const pathOf = ({ folder, name }: Place, subscriber: number) => join(folder, `${name}.${subscriber}.zmq`)
const addressOf = (place: Place, subscriber: number) => `ipc://${pathOf(place, subscriber)}`

/** libzmq leaves the file of an address that it was given. */
function close(socket: Socket, place: Place): void {
  socket.close()
  rmSync(pathOf(place, place.index), { force: true })
}

async function hearAll(socket: Subscriber, hear: (message: Uint8Array) => void): Promise<void> {
  while (!socket.closed) {
    const [message] = await socket.receive()
    hear(message as Uint8Array)
  }
}

/** PUB and SUB over ipc://. */
export const zeromq: Driver = {
  name: 'ZeroMQ',
  settings: 'PUB and SUB over ipc://, no high-water mark, sends not awaited, one I/O thread',
  peers: 'processes',
  version: () => `zeromq ${require('zeromq/package.json').version}, libzmq ${require('zeromq').version}`,
  lacks: lacksPackage('zeromq', load),
  messages: {
    async subscribe(place, hear) {
      const { Subscriber } = await load()
      const socket = new Subscriber({ receiveHighWaterMark: 0, linger: 0 })
      socket.subscribe()
      await socket.bind(addressOf(place, place.index))
      void hearAll(socket, hear).catch(() => {}) // It was closed.
      return { close: () => close(socket, place) }
    },
    async publisher(place) {
      const { XPublisher } = await load()
      // An XPUB is a PUB that reports subscriptions: messages before them would be lost in silence.
      const socket = new XPublisher({ sendHighWaterMark: 0, sendTimeout: 0, verbosity: 'allSubs', linger: 0 })
      for (let i = 0; i < place.subscribers; i++) socket.connect(addressOf(place, i))
      for (let i = 0; i < place.subscribers; i++) await socket.receive()
      return {
        // With no high-water mark and no timeout each send is done when it returns. Not awaiting them makes a quarter
        // more messages a second; a second I/O thread makes none.
        publish: (message) => void socket.send(message),
        close: () => socket.close(),
      }
    },
  },
}
