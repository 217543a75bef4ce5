import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Closable, Driver, Place, Publisher } from './driver.js'
import { FrameReader, FrameWriter } from './frames.js'

/** An empty message: whoever hears it is connected. */
const hello = Buffer.alloc(4)

const pathOf = ({ folder, name }: Place) => join(folder, `${name}.sock`)

/** Whoever stands alone listens. */
const publisherListens = ({ publishers }: Place) => publishers === 1

async function listen(path: string, accepted: (socket: Socket) => void): Promise<Server> {
  const server = createServer(accepted).listen(path)
  await once(server, 'listening')
  return server
}

async function reach(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket
}

/** Frames for all who are connected. */
class SocketPublisher implements Publisher {
  readonly #sockets: Set<Socket>
  readonly #server: Server | undefined
  readonly #writer = new FrameWriter((frames) => {
    for (const socket of this.#sockets) socket.write(frames)
  })

  constructor(sockets: Set<Socket>, server?: Server) {
    this.#sockets = sockets
    this.#server = server
  }

  publish(message: Uint8Array): undefined | Promise<void> {
    this.#writer.add(message)
    for (const socket of this.#sockets) if (socket.writableNeedDrain) return this.#drained()
    return undefined
  }

  async #drained(): Promise<void> {
    for (const socket of this.#sockets) if (socket.writableNeedDrain) await once(socket, 'drain')
  }

  async flush(): Promise<void> {
    this.#writer.write()
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.write('', resolve))))
  }

  close(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

async function publisher(place: Place): Promise<Publisher> {
  const path = pathOf(place)
  if (!publisherListens(place)) return new SocketPublisher(new Set([await reach(path)]))
  const sockets = new Set<Socket>()
  const server = await listen(path, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {}) // It went first.
    socket.write(hello)
  })
  return new SocketPublisher(sockets, server)
}

async function subscribe(place: Place, hear: (message: Uint8Array) => void): Promise<Closable> {
  const path = pathOf(place)
  if (publisherListens(place)) {
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => {
      const reader = new FrameReader((message) => (message.length === 0 ? resolve() : hear(message)))
      socket.on('data', (bytes) => reader.take(bytes)).on('error', reject)
    })
    return { close: () => void socket.destroy() }
  }
  const sockets = new Set<Socket>()
  const server = await listen(path, (socket) => {
    const reader = new FrameReader(hear)
    sockets.add(socket)
    socket.on('data', (bytes) => reader.take(bytes)).on('error', () => {})
  })
  return {
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** node:net over Unix sockets, with frames of our own. */
export const socket: Driver = {
  name: 'unix socket',
  settings: 'length-prefixed frames: the first of a tick at once, the rest in one write; waits for drain',
  peers: 'processes',
  version: () => `node ${process.versions.node}`,
  lacks: async () => undefined,
  messages: { subscribe, publisher },
}
