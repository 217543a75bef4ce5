import { spawnSync } from 'node:child_process'
import { packageVersion } from '../version.js'
import { type Driver, packageLacks } from './driver.js'
import { redisMessages } from './redis-messages.js'
import { RedisServer, redisServer } from './redis-server.js'
import { cache, cachePipelined, claimSettings, claims, latest, latestPipelined } from './redis-store.js'

function serverVersion(): string | undefined {
  const [command, ...args] = redisServer
  const { error, stdout } = spawnSync(command, [...args, '--version'], { encoding: 'utf8' })
  return error === undefined ? /v=(\S+)/.exec(stdout)?.[1] : undefined
}

const serverSettings = 'redis-server of this host over a Unix socket, nothing saved'

const common = {
  peers: 'processes',
  version: () => `server ${serverVersion()}, @redis/client ${packageVersion('@redis/client')}`,
  async lacks() {
    if (serverVersion() === undefined)
      return 'redis-server (or setpriv, which starts it) is not installed (apt-get install redis-server)'
    return packageLacks('@redis/client', () => import('@redis/client'))
  },
  serve: (folder: string) => new RedisServer(folder),
} as const

export const redis: Driver = {
  ...common,
  name: 'Redis',
  settings: `${serverSettings}; PUBLISH pipelined, up to 1,024 without an answer, all else awaited; values of { busy, idle } as JSON; ${claimSettings}`,
  messages: redisMessages,
  latest,
  cache,
  claims,
}

/** What many calls at once can share. */
export const redisPipelined: Driver = {
  ...common,
  name: 'Redis, 100 pipelined',
  settings: `${serverSettings}; 100 calls in one write, then all their answers`,
  latest: latestPipelined,
  cache: cachePipelined,
}
