// What the bench measures on: a nats-server, two hosts as fleets of this machine, and processes without orbit-node.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Bridge, bridge } from 'orbit-bridge'
import { Fleet, type OrbitEvent, OrbitEventBus } from 'orbit-node'
import { isTraced, type Trace } from './trace.js'

/** A way from this process to the one on the other host, and back. */
export interface Way {
  publish(topic: string, data: Uint8Array | string): void
  on(topic: string, listener: (text: string) => void): void
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export class Stage {
  readonly servers = `127.0.0.1:${20_000 + (process.pid % 20_000)}`
  readonly #folder = mkdtempSync(join(tmpdir(), 'orbit-bench-'))
  readonly #names = ['a', 'b', 'here', 'there'].map((host) => `bench-bridge-${host}-${process.pid}`)
  readonly #started: ChildProcess[] = []
  readonly #traced: ChildProcess[] = []
  readonly #fleets: Fleet[] = []
  #server!: ChildProcess
  connection!: NatsConnection
  bus!: OrbitEventBus
  /** The bridge of a member that does not hold it. */
  member!: Bridge
  /** The bridge of the process that holds it, on a host of another cluster. */
  holder!: Bridge
  /** The bus of that host. */
  #holderBus!: OrbitEventBus

  async open(): Promise<void> {
    const [a, b, here, there] = this.#names as [string, string, string, string]
    const port = this.servers.split(':')[1] as string
    const args = ['-js', '-sd', this.#folder, '-a', '127.0.0.1', '-p', port]
    this.#server = spawn('nats-server', args, { stdio: 'ignore' })
    this.#started.push(this.#server)
    this.connection = await connect({ servers: this.servers, waitOnFirstConnect: true, maxReconnectAttempts: -1 })
    for (const name of [a, b]) await this.#start('hub', name)
    await this.#start('echo', b)
    await this.#start('single', there)
    await this.#start('nats')
    for (const name of ['near', 'far']) await this.#start('relay', name, this.#socket(name))
    await this.#start('bounce', 'far', this.#socket('far'))
    const fleet = this.#join(a)
    this.bus = new OrbitEventBus(fleet)
    this.member = bridge(fleet, { servers: this.servers, host: a, offer: false })
    const own = this.#join(here)
    this.#holderBus = new OrbitEventBus(own, { capacity: 65_536, payloadBytes: 512 })
    const events = [{ topics: ['bench.>'] }]
    this.holder = bridge(own, { servers: this.servers, host: here, cluster: 'single', events })
    for (const each of [this.member, this.holder]) {
      while ((await each.hosts().catch(() => [])).length < 2) await pause(20)
    }
  }

  #join(name: string): Fleet {
    const fleet = Fleet.joinShm(name)
    this.#fleets.push(fleet)
    return fleet
  }

  #socket(relay: string): string {
    return join(this.#folder, relay)
  }

  async #start(role: string, name = '', socket = ''): Promise<void> {
    const file = new URL('host.ts', import.meta.url)
    const child = fork(file, [role, name, this.servers, socket], { execArgv: ['--import', 'tsx'] })
    this.#started.push(child)
    if (isTraced && (role === 'hub' || role === 'echo')) this.#traced.push(child)
    await once(child, 'message')
  }

  /** By core NATS, without orbit-node. */
  async nats(): Promise<Way> {
    const { connection } = this
    const listeners = new Map<string, (text: string) => void>()
    connection.subscribe('bench.back.*', {
      callback: (_, { subject, data }) => listeners.get(subject.slice(11))?.(Buffer.from(data).toString()),
    })
    await connection.flush()
    return {
      publish: (topic, data) => connection.publish(`bench.out.${topic}`, data),
      on: (topic, listener) => listeners.set(topic, listener),
    }
  }

  /** By two processes that only pass bytes on: the least that a bridge process costs. For one message at a time. */
  async relay(): Promise<Way> {
    const socket: Socket = createConnection(this.#socket('near'))
    await once(socket, 'connect')
    let hear = (_: string) => {}
    socket.on('data', (bytes) => hear(bytes.toString()))
    return {
      publish: (_, data) => void socket.write(data),
      on: (_, listener) => {
        hear = listener
      },
    }
  }

  /** By the buses of two hosts and their bridge processes. */
  orbit(): Way {
    return this.#by(this.bus)
  }

  /** By the buses of two hosts with one process each, which hold their bridges too. */
  single(): Way {
    return this.#by(this.#holderBus)
  }

  #by(bus: OrbitEventBus): Way {
    const listeners = new Map<string, (text: string) => void>()
    const hear = (event: OrbitEvent) => listeners.get(event.topic.slice(11))?.(event.text())
    bus.cursor('head').listen(({ events }) => events.forEach(hear), { pattern: 'bench.back.*' })
    return {
      publish: (topic, data) => void bus.publish(`bench.out.${topic}`, data),
      on: (topic, listener) => listeners.set(topic, listener),
    }
  }

  /** What the processes have traced since the last call. */
  async traces(): Promise<Trace[]> {
    return Promise.all(
      this.#traced.map(async (child) => {
        child.send('trace')
        return (await once(child, 'message'))[0] as Trace
      }),
    )
  }

  async killServer(): Promise<void> {
    this.#server.kill('SIGKILL')
    while (this.member.stats().connected) await pause(20)
  }

  async close(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL')
    await Promise.all([this.member.close(), this.holder.close(), this.connection.close()])
    for (const fleet of this.#fleets) fleet.close()
    for (const name of this.#names) Fleet.remove(name, { force: true })
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
