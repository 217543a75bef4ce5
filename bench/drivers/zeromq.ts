import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Socket, Subscriber, XPublisher } from 'zeromq'
import { type Closable, type Driver, type Place, type Publisher, packageLacks } from './driver.js'

const require = createRequire(import.meta.url)
const load = () => import('zeromq')

const pathOf = ({ folder, name }: Place) => join(folder, `${name}.zmq`)
const addressOf = (place: Place) => `ipc://${pathOf(place)}`

/** Whoever stands alone binds. */
const publisherBinds = ({ publishers }: Place) => publishers === 1

/** An empty message: whoever hears it has subscribed. */
const hello = new Uint8Array(0)

/** An XPUB is a PUB that tells of subscriptions: without them it would publish to nobody, and nobody would know. */
async function hearSubscriptions(socket: XPublisher, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await socket.receive()
    await socket.send(hello)
  }
}

/** libzmq leaves the file of an address that it was given; that of a connection is gone already, or will be. */
function close(socket: Socket, place: Place): void {
  socket.close()
  rmSync(pathOf(place), { force: true })
}

async function publisher(place: Place): Promise<Publisher> {
  const { XPublisher } = await load()
  const socket = new XPublisher({ sendHighWaterMark: 0, sendTimeout: 0, verbosity: 'allSubs', linger: 0 })
  if (publisherBinds(place)) {
    await socket.bind(addressOf(place))
    void hearSubscriptions(socket, place.subscribers).catch(() => {}) // Closed before they all came.
  } else {
    socket.connect(addressOf(place))
    await hearSubscriptions(socket, 1)
  }
  return {
    // With no high-water mark and no timeout each send is done when it returns: none is in the way of the next. Not
    // awaiting them makes a quarter more messages a second; a second I/O thread makes none.
    publish: (message) => void socket.send(message),
    close: () => close(socket, place),
  }
}

async function hearAll(socket: Subscriber, hear: (message: Uint8Array) => void): Promise<void> {
  while (!socket.closed) {
    const [message] = await socket.receive()
    hear(message as Uint8Array)
  }
}

async function subscribe(place: Place, hear: (message: Uint8Array) => void): Promise<Closable> {
  const { Subscriber } = await load()
  const socket = new Subscriber({ receiveHighWaterMark: 0, linger: 0 })
  socket.subscribe()
  if (publisherBinds(place)) {
    socket.connect(addressOf(place))
    await socket.receive() // hello
  } else {
    await socket.bind(addressOf(place))
  }
  void hearAll(socket, (message) => {
    if (message.length > 0) hear(message)
  }).catch(() => {}) // It was closed.
  return { close: () => close(socket, place) }
}

/** PUB and SUB over ipc://. */
export const zeromq: Driver = {
  name: 'ZeroMQ',
  settings: 'PUB and SUB over ipc://, no high-water mark, sends not awaited, one I/O thread',
  peers: 'processes',
  version: () => `zeromq ${require('zeromq/package.json').version}, libzmq ${require('zeromq').version}`,
  lacks: () => packageLacks('zeromq', load),
  messages: { subscribe, publisher },
}
