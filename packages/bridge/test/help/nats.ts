// A real nats-server for one test: its own port and folder, both gone when the test ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { deathSignal } from '../../../../test/help/processes.js'

/** Whether this machine has a nats-server. */
export const hasNats = spawnSync('nats-server', ['--version']).status === 0

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export class NatsServer {
  readonly port: number
  readonly #folder: string
  readonly #extra: string[]
  #process: ChildProcess | undefined

  private constructor(port: number, folder: string, extra: string[]) {
    this.port = port
    this.#folder = folder
    this.#extra = extra
  }

  /** @param extra options of nats-server */
  static async start(extra: string[] = []): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), 'orbit-bridge-'))
    const server = new NatsServer(await freePort(), folder, extra)
    onTestFinished(async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    })
    await server.restart()
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts it with what it stored before. Resolves when it accepts connections. */
  async restart(): Promise<void> {
    const args = ['-js', '-sd', this.#folder, '-a', '127.0.0.1', '-p', String(this.port), ...this.#extra]
    const [command, ...rest] = [...deathSignal, 'nats-server', ...args]
    this.#process = spawn(command as string, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
    await new Promise<void>((resolve, reject) => {
      let log = ''
      this.#process?.stderr?.setEncoding('utf8').on('data', (text) => {
        log += text
        if (log.includes('Server is ready')) resolve()
      })
      this.#process?.once('exit', () => reject(new Error(`nats-server ended:\n${log}`)))
    })
  }

  /** Deletes what it stored, while it does not run. */
  forget(): void {
    rmSync(this.#folder, { recursive: true })
  }

  /** Kills it with SIGKILL; what it stored stays. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
}

/** The network between a host and the server, which a test can cut. */
export class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Those of them that lead to the server. */
  readonly #far = new Set<Socket>()
  #isCut = false
  #isSilent = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(port: number): Promise<Wire> {
    const server = createServer().listen(0, '127.0.0.1')
    const wire = new Wire(server)
    server.on('connection', (near) => wire.#connect(near, port))
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => {
      wire.cut()
      server.close()
    })
    return wire
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  #connect(near: Socket, port: number): void {
    if (this.#isCut) {
      near.destroy()
      return
    }
    const far = createConnection(port, '127.0.0.1')
    this.#far.add(far)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (bytes) => to.write(bytes))
      if (this.#isSilent) from.pause()
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        this.#far.delete(from)
        to.destroy()
      })
    }
  }

  /** Ends all connections, and refuses others. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Forwards nothing more, and keeps all connections: a network that drops packets. */
  silence(): void {
    this.#isSilent = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** Forwards nothing of the server on the present connections: what it confirms is not heard. */
  mute(): void {
    for (const socket of this.#far) socket.pause()
  }

  heal(): void {
    this.#isCut = this.#isSilent = false
    for (const socket of this.#sockets) socket.resume()
  }
}
