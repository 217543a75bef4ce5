import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { type Driver, packageLacks } from './driver.js'
import { redisMessages } from './redis-messages.js'
import { RedisServer } from './redis-server.js'

const require = createRequire(import.meta.url)

const askServer = () => spawnSync('redis-server', ['--version'], { encoding: 'utf8' })

/** A server of this host. */
export const redis: Driver = {
  name: 'Redis',
  settings: 'a Unix socket, nothing kept on disk; PUBLISH pipelined, up to 1,024 without an answer',
  peers: 'processes',
  version: () =>
    `redis-server ${/v=(\S+)/.exec(askServer().stdout)?.[1]}, @redis/client ${require('@redis/client/package.json').version}`,
  async lacks() {
    if (askServer().error !== undefined) return 'redis-server is not installed (apt-get install redis-server)'
    return packageLacks('@redis/client', () => import('@redis/client'))
  },
  serve: (folder) => new RedisServer(folder),
  messages: redisMessages,
}
