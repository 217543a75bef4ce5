import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Server } from './driver.js'

const socketIn = (folder: string): string => join(folder, 'redis.sock')

/** A client that gives Buffers, as the other drivers give bytes. */
export async function connect(folder: string) {
  const { createClient, RESP_TYPES } = await import('@redis/client')
  const client = createClient({ socket: { path: socketIn(folder), tls: false } })
  await client.connect()
  return client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
}

/** The kernel ends it when its parent dies, even of SIGKILL. */
const [command, ...first] = ['setpriv', '--pdeathsig', 'KILL', 'redis-server'] as const

/** Undefined when there is no server. */
export function serverVersion(): string | undefined {
  const { error, stdout } = spawnSync(command, [...first, '--version'], { encoding: 'utf8' })
  return error === undefined ? /v=(\S+)/.exec(stdout)?.[1] : undefined
}

/** Starts a redis-server of this bench's own, which no other program reaches, and which keeps nothing. */
export function startServer(folder: string): Server {
  const socket = socketIn(folder)
  const options = ['--port', '0', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn(command, [...first, ...options, '--unixsocket', socket, '--unixsocketperm', '700'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // Ctrl-C is for the bench, which ends the server's clients first.
  })
  let output = ''
  const ready = new Promise<void>((resolve, reject) => {
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (/ready to accept connections/i.test(output)) resolve()
    })
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
  })
  const ended = new Promise<void>((resolve) => server.once('exit', resolve).once('error', () => resolve()))
  return {
    pid: server.pid ?? 0, // It could not be started: ready() rejects.
    ready: () => ready,
    async end() {
      server.kill('SIGKILL')
      await ended
      rmSync(socket, { force: true })
    },
  }
}
