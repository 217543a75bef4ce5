import { once } from 'node:events'
import { connect } from 'node:net'
import type { Cache, Driver, Place } from './driver.js'
import { outputOf, socketOf, startServer } from './server.js'

const version = (): string | undefined => outputOf('memcached', '-V')?.trim().split(' ')[1]

/** A client of the text protocol, for one call at a time: it resolves when the answer ends as `isWhole` says. */
async function client(path: string) {
  const socket = connect(path)
  await once(socket, 'connect')
  let answer = ''
  let isWhole: (answer: string) => boolean = () => false
  let done: (answer: string) => void = () => {}
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text
    if (isWhole(answer)) done(answer)
  })
  return {
    ask(command: string | Buffer, endsSo: (answer: string) => boolean) {
      answer = ''
      isWhole = endsSo
      return new Promise<string>((resolve) => {
        done = resolve
        socket.write(command)
      })
    },
    close: () => void socket.destroy(),
  }
}

async function cache({ folder, name }: Place): Promise<Cache> {
  const { ask, close } = await client(socketOf(folder, 'memcached'))
  const isLine = (answer: string) => answer.endsWith('\r\n')
  const isFound = (answer: string) => answer.endsWith('END\r\n')
  return {
    async putAll(keys, value) {
      const rest = Buffer.concat([Buffer.from(` 0 0 ${value.length}\r\n`), value, Buffer.from('\r\n')])
      for (const key of keys) {
        const answer = await ask(Buffer.concat([Buffer.from(`set ${name}:${key}`), rest]), isLine)
        if (answer !== 'STORED\r\n') throw new Error(`memcached answered ${answer}`)
      }
    },
    async getAll(keys) {
      let bytes = 0
      for (const key of keys)
        bytes += Number(/^VALUE \S+ \d+ (\d+)/.exec(await ask(`get ${name}:${key}\r\n`, isFound))?.[1] ?? 0)
      return bytes
    },
    close,
  }
}

export const memcached: Driver = {
  name: 'memcached',
  settings: 'memcached of this host over a Unix socket, one thread, 256 MiB; text protocol, each call awaited',
  peers: 'processes',
  version: () => version() ?? '',
  lacks: async () => (version() === undefined ? 'memcached is not installed (apt-get install memcached)' : undefined),
  serve(folder) {
    const socket = socketOf(folder, 'memcached')
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
    return startServer('memcached', [...user, '-s', socket, '-m', '256', '-t', '1', '-U', '0'], socket)
  },
  cache,
  trials: ['cache put', 'cache get', 'cache miss', 'cache of large values'],
}
