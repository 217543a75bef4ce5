import { createHash } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import type { Namespace } from 'socket.io'
import { ClusterAdapterWithHeartbeat, type ClusterMessage, type ClusterResponse, MessageType } from 'socket.io-adapter'
import { type EventSubscription, type Fleet, OrbitEventBus } from '../index.js'

/** Options of `orbitAdapter`: the bus that carries the messages. */
export interface OrbitAdapterOptions {
  /**
   * The bus, the same in all workers. A message can fill a quarter of it. Default: a bus of its own with the name
   * 'socket.io', of 1024 events of 4096 bytes; it takes 4.6 MB.
   */
  bus?: OrbitEventBus
}

/**
 * An adapter for `new Server(server, { adapter: orbitAdapter(fleet) })` of Socket.IO (4.x): rooms, broadcasts and
 * server-side events reach the clients of all workers of a fleet. Use one server for each fleet handle.
 *
 * A worker that loses events emits 'resync' to its own clients, with the number of lost events.
 */
export function orbitAdapter(fleet: Fleet, options: OrbitAdapterOptions = {}): (nsp: Namespace) => OrbitAdapter {
  const { bus = new OrbitEventBus(fleet, { name: 'socket.io', payloadBytes: 4096 }) } = options
  return function adapterOf(nsp: Namespace) {
    return new OrbitAdapter(nsp, fleet, bus) // Socket.IO calls this with `new`, so it cannot be an arrow function
  }
}

/** How many bytes of an event are left for its topic. */
const topicRoom = 128
/** Before each part of a message: its index, and the number of parts. */
const partHeaderBytes = 4

/** The adapter of one namespace. Made by `orbitAdapter`. */
export class OrbitAdapter extends ClusterAdapterWithHeartbeat {
  readonly #fleet: Fleet
  readonly #bus: OrbitEventBus
  readonly #topic: string
  readonly #events: EventSubscription
  /** By node: the name that Socket.IO gave its server. */
  readonly #servers = new Map<number, string>()
  /** By node: the parts of an incomplete message. */
  readonly #parts = new Map<number, Buffer[]>()
  readonly #closing = new AbortController()

  /** @internal */
  constructor(nsp: Namespace, fleet: Fleet, bus: OrbitEventBus) {
    super(nsp, {})
    this.#fleet = fleet
    this.#bus = bus
    this.#topic = `io.${createHash('sha256').update(nsp.name).digest('hex')}`
    this.#events = bus.subscribe(`${this.#topic}.*`, { onLoss: (lost) => this.#resync(lost) })
    void this.#listen()
    void this.#watch()
  }

  async #listen(): Promise<void> {
    for await (const { node, topic, payload } of this.#events) {
      const to = topic.slice(this.#topic.length + 1)
      if (node === this.#fleet.node || (to !== 'all' && to !== this.uid)) continue
      const message = this.#whole(node, payload)
      if (message === undefined) continue
      const before = this.#servers.get(node)
      if (before !== undefined && before !== message.uid) this.#forget(before) // it died, and its node has a new owner
      this.#servers.set(node, message.uid)
      this.onMessage(message)
    }
  }

  /** Forgets the servers of processes that end: the kernel reports a death within 50 ms. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing
    for await (const { change, member } of this.#fleet.watchNodes({ signal, keepAlive: false })) {
      const server = this.#servers.get(member.node)
      // A new owner of the node may have sent messages already.
      if (change === 'joined' || server === undefined || !this.#fleet.isDead(member.node)) continue
      this.#servers.delete(member.node)
      this.#forget(server)
    }
  }

  /** A node publishes the parts of a message in order; parts of other nodes can come between them. */
  #whole(node: number, payload: Uint8Array): ClusterMessage | undefined {
    const part = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    if (part.length < partHeaderBytes) return undefined
    const [index, count] = [part.readUInt16LE(0), part.readUInt16LE(2)]
    const parts = index === 0 ? [] : (this.#parts.get(node) ?? [])
    this.#parts.delete(node)
    if (parts.length !== index) return undefined // the beginning was lost
    parts.push(part.subarray(partHeaderBytes))
    if (parts.length === count) return deserialize(Buffer.concat(parts))
    this.#parts.set(node, parts)
    return undefined
  }

  #partsOf(bytes: Buffer): Buffer[] {
    const partBytes = this.#bus.payloadBytes - topicRoom
    const maxParts = Math.floor(this.#bus.capacity / 4)
    const count = Math.ceil(bytes.length / partBytes)
    if (count > maxParts) {
      throw new RangeError(`a message of ${bytes.length} bytes must have at most ${maxParts * partBytes}; not sent`)
    }
    return Array.from({ length: count }, (_, index) => {
      const header = Buffer.from(Uint16Array.of(index, count).buffer)
      return Buffer.concat([header, bytes.subarray(index * partBytes, (index + 1) * partBytes)])
    })
  }

  #send(to: string, message: ClusterMessage | ClusterResponse): void {
    try {
      for (const part of this.#partsOf(serialize(message))) this.#bus.publish(`${this.#topic}.${to}`, part)
    } catch (error) {
      process.emitWarning(error as Error) // Socket.IO itself would log nothing
      throw error
    }
  }

  /** @internal */
  override async doPublish(message: ClusterMessage): Promise<string> {
    this.#send('all', message)
    return '' // no offset: missed messages are not sent again
  }

  /** @internal */
  override async doPublishResponse(server: string, response: ClusterResponse): Promise<void> {
    this.#send(server, response)
  }

  #resync(lost: number): void {
    this.#parts.clear()
    this.nsp.local.emit('resync', lost)
  }

  /** Handles a dead server like one that has closed: no request waits for its answer any longer. */
  #forget(server: string): void {
    this.onMessage({ type: MessageType.ADAPTER_CLOSE, uid: server, nsp: this.nsp.name })
  }

  /** Ends the adapter; Socket.IO calls it. */
  override close(): void {
    super.close()
    this.#closing.abort()
    this.#events.close()
  }
}
