import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Server } from './driver.js'

const socketIn = (folder: string): string => join(folder, 'redis.sock')

/** A client whose strings are Buffers, as the bytes of the others are. */
export async function connect(folder: string) {
  const { createClient, RESP_TYPES } = await import('@redis/client')
  const client = createClient({ socket: { path: socketIn(folder), tls: false } })
  await client.connect()
  return client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
}

/** The kernel ends it when its parent dies, also of SIGKILL. */
export const redisServer = ['setpriv', '--pdeathsig', 'KILL', 'redis-server'] as const

/** A redis-server of this bench's own, reached by nobody else, that keeps nothing. */
export class RedisServer implements Server {
  readonly #process: ChildProcess
  readonly #socket: string

  /** @param folder its socket is in it */
  constructor(folder: string) {
    this.#socket = socketIn(folder)
    const options = ['--port', '0', '--save', '', '--appendonly', 'no', '--dir', folder]
    const [command, ...args] = redisServer
    options.push('--unixsocket', this.#socket, '--unixsocketperm', '700')
    this.#process = spawn(command, [...args, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true, // Ctrl-C is for the bench, which ends its clients first.
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0 // It could not be started: ready() tells.
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      let said = ''
      this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (/ready to accept connections/i.test(said)) resolve()
      })
      this.#process.once('error', reject)
      this.#process.once('exit', () => reject(new Error(`redis-server ended:\n${said}`)))
    })
  }

  end(): Promise<void> {
    const server = this.#process
    if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      server.once('exit', () => {
        rmSync(this.#socket, { force: true })
        resolve()
      })
      server.kill('SIGKILL')
    })
  }
}
