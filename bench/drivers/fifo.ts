import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { builtIn, type Driver, type Place } from './driver.js'

const pathOf = ({ folder, name }: Place, subscriber: number) => join(folder, `${name}.${subscriber}.fifo`)

/** The least that a process of Node.js needs to sleep and be woken: what readers of orbit cost more is their own. */
export const fifo: Driver = {
  name: 'bare FIFO',
  settings: 'a FIFO for each subscriber, read by a net.Socket; one writeSync for each message and subscriber',
  peers: 'processes',
  ...builtIn,
  trials: ['fan-out', 'publisher cost', 'reader cost'],
  messages: {
    async subscribe(place, hear) {
      const path = pathOf(place, place.index)
      const { status } = spawnSync('mkfifo', ['-m', '600', path])
      if (status !== 0) throw new Error(`mkfifo ${path} failed`)
      const { messageBytes } = place
      const buffer = Buffer.allocUnsafe(messageBytes * 64)
      // It is a writer too, so that the FIFO has no end while its publisher is not there.
      const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
      const callback = (bytes: number) => {
        // A write of no more than 4 KiB is never divided.
        for (let at = 0; at < bytes; at += messageBytes) hear(buffer.subarray(at, at + messageBytes))
        return true
      }
      const options = { fd, readable: true, writable: false, onread: { buffer, callback } }
      const socket = new Socket(options)
      return {
        close() {
          socket.destroy()
          rmSync(path, { force: true })
        },
      }
    },
    async publisher(place) {
      const open = (_: unknown, i: number) => openSync(pathOf(place, i), constants.O_WRONLY)
      const descriptors = Array.from({ length: place.subscribers }, open)
      return {
        publish(message) {
          for (const fd of descriptors) writeSync(fd, message)
        },
        close: () => descriptors.forEach((fd) => void closeSync(fd)),
      }
    },
  },
}
