// Servers of this bench's own, which listen on a Unix socket in its folder.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { pause } from '../clock.js'
import type { Server } from './driver.js'

/** The kernel ends a server when its parent dies, even of SIGKILL. */
const [setpriv, ...first] = ['setpriv', '--pdeathsig', 'KILL'] as const

/** What a command prints; undefined: it cannot be run. */
export function outputOf(command: string, ...args: string[]): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(setpriv, [...first, command, ...args], { encoding: 'utf8' })
  return error === undefined && status === 0 ? stdout + stderr : undefined
}

export const socketOf = (folder: string, name: string): string => join(folder, `${name}.sock`)

/** A connection, when something listens. */
async function tryConnect(path: string): Promise<Socket | undefined> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return socket
  } catch {
    return undefined
  }
}

/** Starts a server, which is ready when it accepts a connection. */
export function startServer(command: string, args: readonly string[], socket: string): Server {
  const server = spawn(setpriv, [...first, command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // Ctrl-C is for the bench, which ends the server's clients first.
  })
  let said = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  let isOver = false
  const ended = new Promise<void>((resolve) => server.once('exit', resolve).once('error', () => resolve())).then(() => {
    isOver = true
  })
  return {
    pid: server.pid ?? 0, // It could not be started: ready() rejects.
    async ready() {
      for (;;) {
        const connected = await tryConnect(socket)
        connected?.destroy()
        if (connected !== undefined) return
        if (isOver) throw new Error(`${command} ended:\n${said}`)
        await pause(10)
      }
    },
    async end() {
      server.kill('SIGKILL')
      await ended
      rmSync(socket, { force: true })
    },
  }
}
