import type { Socket } from 'node:net'
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { pause } from '../base/clock.js'
import { unreachable } from '../base/errors.js'
import { isHostName } from '../options.js'
import type { Engine, Log, LogLimits, Register } from './engine.js'
import { NatsLog } from './natslog.js'
import { NatsRegister } from './natsregister.js'

/** How a host connects to NATS. */
export interface NatsSpec {
  readonly cluster: string
  readonly host: string
  readonly replicas: number
  readonly options: ConnectionOptions
}

const firstDelayMs = 50
const maxDelayMs = 2000
/** Answers are sent in pieces, so that they may be longer than the server lets one message be. */
const pieceBytes = 256 * 1024
const requestTimeoutMs = 5000
/** What the server says of a stream that has another configuration. */
const nameIsTaken = 10058

/** A host as a level of a subject. Names of hosts may have dots. */
const tokenOf = (host: string): string => host.replaceAll('.', '~')

/** The host in the last level of a subject; undefined: another program published there, under no name of a host. */
export function hostIn(subject: string): string | undefined {
  const host = subject.slice(subject.lastIndexOf('.') + 1).replaceAll('~', '.')
  return isHostName(host) ? host : undefined
}

/** Connects hosts through NATS: core NATS for what is live, JetStream for logs, its KV for registers. */
export class NatsEngine implements Engine {
  onChange: (isConnected: boolean) => void = () => {}
  onFailure: (error: unknown) => void = () => {}
  readonly #spec: NatsSpec
  readonly #connection: NatsConnection
  #isConnected = true

  private constructor(spec: NatsSpec, connection: NatsConnection) {
    this.#spec = spec
    this.#connection = connection
    handleLateErrors(connection)
    void this.#watch()
  }

  /**
   * Connects, and tries again until it succeeds. From then on the client reconnects on its own.
   *
   * @param onFailure called with the error of each attempt
   * @returns undefined if the signal was aborted first
   */
  static async open(
    spec: NatsSpec,
    signal: AbortSignal,
    onFailure: (error: unknown) => void,
  ): Promise<NatsEngine | undefined> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const connecting = connect(optionsOf(spec))
        const connection = await orAborted(connecting, signal)
        if (connection !== undefined) return new NatsEngine(spec, connection)
        connecting.then(
          (late) => late.close(),
          () => {},
        )
      } catch (error) {
        onFailure(error)
        await pause(delayOf(attempt), signal)
      }
    }
    return undefined
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#connection.isClosed()
  }

  get maxBytes(): number {
    return this.#connection.info?.max_payload ?? 0
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type !== 'disconnect' && type !== 'reconnect' && type !== 'close') continue
      const isConnected = type === 'reconnect'
      if (isConnected) handleLateErrors(this.#connection)
      if (isConnected === this.#isConnected) continue
      this.#isConnected = isConnected
      this.onChange(isConnected)
    }
  }

  #subject(topic: string, host: string): string {
    return `orbit.${this.#spec.cluster}.${topic}.${host}`
  }

  send(topic: string, host: string, bytes: Uint8Array): boolean {
    if (!this.isConnected) return false
    this.#connection.publish(this.#subject(topic, tokenOf(host)), bytes)
    return true
  }

  async flush(): Promise<void> {
    if (!this.isConnected) throw unreachable('flush')
    await this.#connection.flush()
  }

  listen(topic: string, onMessage: (host: string, bytes: Uint8Array) => void): void {
    this.#connection.subscribe(this.#subject(topic, '*'), {
      callback: (error, { subject, data }) => {
        const host = error === null ? hostIn(subject) : undefined
        if (host === undefined) return
        try {
          onMessage(host, data)
        } catch (failure) {
          // The client would stop reading, and the connection seem open until its pings are not answered.
          this.onFailure(failure)
        }
      },
    })
  }

  async ask(host: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (!this.isConnected) throw unreachable(`host ${host}`)
    const subject = this.#subject('ask', tokenOf(host))
    const pieces: Uint8Array[] = []
    const answers = await this.#connection.requestMany(subject, question, {
      strategy: 'stall',
      maxWait: timeoutMs,
      stall: timeoutMs,
    })
    for await (const { data } of answers) {
      if (data.length === 0) break // no process of that host listens
      pieces.push(data.subarray(1))
      if (data[0] === 1) return Buffer.concat(pieces)
    }
    throw unreachable(`host ${host}`)
  }

  answer(answerTo: (question: Uint8Array) => Promise<Uint8Array>): void {
    this.#connection.subscribe(this.#subject('ask', tokenOf(this.#spec.host)), {
      callback: (error, message) => {
        if (error !== null) return
        const respond = (bytes: Uint8Array) => {
          for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) {
            const piece = bytes.subarray(at, at + pieceBytes)
            message.respond(Buffer.concat([Uint8Array.of(at + pieceBytes >= bytes.length ? 1 : 0), piece]))
          }
        }
        answerTo(message.data).then(respond, () => {}) // the asker's time runs out
      },
    })
  }

  async log(name: string, limits: LogLimits): Promise<Log> {
    const { cluster, replicas } = this.#spec
    const manager = await jetstreamManager(this.#connection, { timeout: requestTimeoutMs })
    const stream = `orbit-${cluster}-${name}`
    const subjects = [this.#subject(`log.${name}`, '*')]
    const { maxAgeMs, maxBytes: max_bytes } = limits
    const config = { name: stream, subjects, max_age: maxAgeMs * 1e6, max_bytes, num_replicas: replicas }
    try {
      await manager.streams.add(config)
    } catch (error) {
      // A host with other limits has made it, or an administrator has changed them: they stay.
      if (!(error instanceof JetStreamApiError) || error.code !== nameIsTaken) throw error
      const found = await manager.streams.info(stream)
      if (`${found.config.subjects}` !== `${subjects}`) throw error
    }
    const client = jetstream(this.#connection, { timeout: requestTimeoutMs })
    const subjectOf = (host: string) => this.#subject(`log.${name}`, tokenOf(host))
    return new NatsLog(stream, manager, client, subjectOf, () => this.isConnected)
  }

  async register(name: string, ttlMs: number): Promise<Register> {
    const { cluster, replicas } = this.#spec
    const buckets = new Kvm(jetstream(this.#connection, { timeout: requestTimeoutMs }))
    const bucket = await buckets.create(`orbit-${cluster}-${name}`, { history: 1, ttl: ttlMs, replicas })
    return new NatsRegister(bucket, () => this.isConnected)
  }

  async close(): Promise<void> {
    this.onChange = () => {}
    this.#isConnected = false
    await this.#connection.close()
  }
}

/**
 * The client stops listening for errors of a socket before the last write to it has failed, as when the server has just
 * gone. That error would end the process.
 */
function handleLateErrors(connection: NatsConnection): void {
  const { protocol } = connection as unknown as { protocol?: { transport?: { socket?: Socket } } }
  const socket = protocol?.transport?.socket
  if (socket === undefined) return
  const { removeAllListeners } = socket
  socket.removeAllListeners = (...names) => {
    removeAllListeners.apply(socket, names)
    return socket.on('error', () => {})
  }
}

/** The result of a promise; undefined if the signal was aborted first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let onAbort = () => {}
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined)
  })
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const delayOf = (attempt: number): number =>
  Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random())

function optionsOf({ cluster, host, options }: NatsSpec): ConnectionOptions {
  let attempt = 0
  let lastMs = 0
  return {
    name: `orbit-bridge ${cluster} ${host}`,
    timeout: 5000,
    pingInterval: 3000,
    maxPingOut: 2,
    // Attempts that follow each other closely belong to one outage.
    reconnectDelayHandler: () => {
      const nowMs = Date.now()
      attempt = nowMs - lastMs > 4 * maxDelayMs ? 0 : attempt + 1
      lastMs = nowMs
      return delayOf(attempt)
    },
    ...options,
    reconnect: true,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noEcho: true, // this host would be woken for each message that it sends
  }
}
