import type { Socket, SocketConstructorOpts } from 'node:net'
import { native } from './native.js'

/**
 * The reading end of a bell, in the event loop of this thread. It does not keep the process alive. The addon reads it
 * through libuv; where it cannot, a net.Socket does, with more functions between the signal and the reader.
 */
export class Fifo {
  readonly descriptor: number
  readonly #onSignal: () => void
  readonly #onEnd: () => void
  readonly #watch: object | undefined
  readonly #socket: Socket | undefined
  #isClosed = false

  /**
   * @param descriptor closed with this object
   * @param onSignal called when publishers have signalled the bell, once for a burst of signals
   * @param onEnd called when the bell has ended without `close`
   */
  constructor(descriptor: number, onSignal: () => void, onEnd: () => void) {
    this.descriptor = descriptor
    this.#onSignal = onSignal
    this.#onEnd = onEnd
    this.#watch = native.watchBell(descriptor, (isOpen) => (isOpen ? onSignal() : this.#end()))
    if (this.#watch === undefined) this.#socket = this.#openSocket()
  }

  #openSocket(): Socket {
    const buffer = Buffer.allocUnsafe(256) // one read takes all bytes of a burst; their values do not matter
    const callback = () => {
      this.#onSignal()
      return true
    }
    const options: SocketConstructorOpts & { onread: unknown } = {
      ...{ fd: this.descriptor, readable: true, writable: false },
      onread: { buffer, callback },
    }
    const { Socket } = process.getBuiltinModule('node:net') // not imported: it loads slowly, and most do not need it
    const socket = new Socket(options)
    socket.on('error', () => {}) // closes it
    socket.on('close', () => this.#end())
    socket.unref()
    return socket
  }

  #end(): void {
    if (this.#isClosed) return
    this.close()
    this.#onEnd()
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#watch !== undefined) native.unwatchBell(this.#watch)
    this.#socket?.destroy()
  }
}
