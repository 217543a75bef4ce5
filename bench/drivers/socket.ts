import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  answerTo,
  builtIn,
  type Closable,
  type Driver,
  type Place,
  type Question,
  type Requests,
  Unanswered,
} from './driver.js'
import { FrameReader, FrameWriter } from './frames.js'

const pathOf = ({ folder, name }: Place, subscriber: number) => join(folder, `${name}.${subscriber}.sock`)

async function reach(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket.on('error', () => {}) // The subscriber closed first.
}

/** A frame begins with what it has: bytes, or JSON. */
const [isBytes, isJson] = [0, 1]

function packed(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) return Buffer.from(`${String.fromCharCode(isJson)}${JSON.stringify(value)}`)
  const bytes = Buffer.allocUnsafe(value.length + 1)
  bytes[0] = isBytes
  bytes.set(value, 1)
  return bytes
}

const unpacked = (frame: Buffer): unknown =>
  frame[0] === isJson ? JSON.parse(frame.toString('utf8', 1)) : frame.subarray(1)

/** Listens at the path of this process; `readerOf` makes what reads the frames of a connection. */
async function listen(place: Place, readerOf: (socket: Socket) => FrameReader): Promise<Closable> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const reader = readerOf(socket)
    sockets.add(socket)
    socket.on('data', (bytes) => reader.take(bytes)).on('error', () => {})
  })
  rmSync(pathOf(place, place.index), { force: true }) // that of a killed answerer
  await once(server.listen(pathOf(place, place.index)), 'listening')
  return {
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Writes each frame by itself. */
class EachWriter {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(message: Uint8Array): void {
    const frame = Buffer.allocUnsafe(4 + message.length)
    frame.writeUInt32LE(message.length, 0)
    frame.set(message, 4)
    this.#socket.write(frame)
  }
}

const gathering = (socket: Socket) => new FrameWriter((frames) => void socket.write(frames))

const requestsBy = (writerTo: (socket: Socket) => { add(message: Uint8Array): void }): Requests => ({
  holds: true,
  async answer(place) {
    return listen(place, (socket) => {
      const writer = writerTo(socket)
      return new FrameReader((frame) => writer.add(packed(answerTo(unpacked(frame) as Question))))
    })
  },
  async asker(place) {
    const socket = await reach(pathOf(place, 0))
    const closed = once(socket, 'close').then(() => Promise.reject(new Error('the answerer has gone')))
    closed.catch(() => {}) // nothing may be held
    const unanswered = new Unanswered()
    const writer = writerTo(socket)
    const reader = new FrameReader((frame) => unanswered.answered(unpacked(frame)))
    socket.on('data', (bytes) => reader.take(bytes))
    return {
      ask: (question) => unanswered.ask(() => writer.add(packed(question))),
      hold: () => closed,
      close: () => void socket.destroy(),
    }
  },
})

/** node:net over Unix sockets, with frames of our own. */
export const socket: Driver = {
  ...builtIn,
  name: 'unix socket',
  settings: 'length-prefixed frames: the first of a tick at once, the rest in one write; waits for drain',
  peers: 'processes',
  requests: requestsBy(gathering),
  messages: {
    async subscribe(place, hear) {
      return listen(place, () => new FrameReader(hear))
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

/** As a program that does not gather its frames. */
export const socketEach: Driver = {
  ...builtIn,
  name: 'unix socket, a write each',
  settings: 'length-prefixed frames, each in a write of its own',
  peers: 'processes',
  requests: requestsBy((socket) => new EachWriter(socket)),
  trials: ['question'],
}
