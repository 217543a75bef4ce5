import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { builtIn, type Driver, type Place } from './driver.js'
import { FrameReader, FrameWriter } from './frames.js'

const pathOf = ({ folder, name }: Place, subscriber: number) => join(folder, `${name}.${subscriber}.sock`)

async function reach(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket.on('error', () => {}) // The subscriber closed first.
}

/** node:net over Unix sockets, with frames of our own. */
export const socket: Driver = {
  ...builtIn,
  name: 'unix socket',
  settings: 'length-prefixed frames: the first of a tick at once, the rest in one write; waits for drain',
  peers: 'processes',
  messages: {
    async subscribe(place, hear) {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        const reader = new FrameReader(hear)
        sockets.add(socket)
        socket.on('data', (bytes) => reader.take(bytes)).on('error', () => {})
      })
      await once(server.listen(pathOf(place, place.index)), 'listening')
      return {
        close() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      }
    },
    async publisher(place) {
      const paths = Array.from({ length: place.subscribers }, (_, i) => pathOf(place, i))
      const sockets = await Promise.all(paths.map(reach))
      const writer = new FrameWriter((frames) => {
        for (const socket of sockets) socket.write(frames)
      })
      const drained = async () => {
        for (const socket of sockets) if (socket.writableNeedDrain) await once(socket, 'drain')
      }
      return {
        publish(message) {
          writer.add(message)
          for (const socket of sockets) if (socket.writableNeedDrain) return drained()
          return undefined
        },
        async flush() {
          writer.write()
          await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write('', resolve))))
        },
        close() {
          for (const socket of sockets) socket.destroy()
        },
      }
    },
  },
}
