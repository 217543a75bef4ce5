import { spawnSync } from 'node:child_process'
import { type AsyncRun, consumed } from '../calls/call.js'
import { connect, RedisServer } from '../drivers/redis-server.js'
import { absentKeys, keys, load, operation, packageLacks, type Rival, session, trialOf, value } from './rival.js'

const who = 'redis'
const operations = 100

type Client = Awaited<ReturnType<typeof connect>>
type Pipeline = ReturnType<Client['multi']>

const bytes = Buffer.from(value)
const sessionJson = JSON.stringify(session)
const loadJson = JSON.stringify(load)

/** The keys of one trial: the server is that of all. */
const fill = (client: Client, fleet: string, value: Buffer | string) =>
  Promise.all(keys.map((key) => client.set(`${fleet}:${key}`, value)))

interface Calls {
  operation: string
  measures: string
  filled?: Buffer | string
  keys?: readonly string[]
}

/** One call at a time, each awaited. */
function awaited(calls: Calls, call: (client: Client, key: string) => Promise<void>) {
  return trialOf(calls.operation, `${who}, awaited`, {
    measures: `${calls.measures}, each awaited, over a Unix socket`,
    operations,
    async setup(fleet, folder): Promise<AsyncRun> {
      const client = await connect(folder)
      if (calls.filled !== undefined) await fill(client, fleet, calls.filled)
      const names = (calls.keys ?? keys).slice(0, operations).map((key) => `${fleet}:${key}`)
      return {
        async runAsync() {
          for (const name of names) await call(client, name)
        },
        teardown: () => client.destroy(),
      }
    },
  })
}

/** 100 in one write, and then all their answers. */
function pipelined(
  calls: Calls,
  add: (pipeline: Pipeline, key: string) => unknown,
  take: (answer: unknown) => void = () => {},
) {
  return trialOf(calls.operation, `${who}, 100 pipelined`, {
    measures: `${calls.measures}, pipelined in batches of ${operations}, over a Unix socket`,
    operations,
    async setup(fleet, folder): Promise<AsyncRun> {
      const client = await connect(folder)
      if (calls.filled !== undefined) await fill(client, fleet, calls.filled)
      const names = (calls.keys ?? keys).slice(0, operations).map((key) => `${fleet}:${key}`)
      return {
        async runAsync() {
          const pipeline = client.multi()
          for (const name of names) add(pipeline, name)
          for (const answer of await pipeline.execAsPipeline()) take(answer)
        },
        teardown: () => client.destroy(),
      }
    },
  })
}

const put = { operation: operation.put, measures: 'SET key bytes' }
const hit = { operation: operation.hit, measures: 'GET key of a live key', filled: bytes }
const miss = { operation: operation.miss, measures: 'GET key of no key', filled: bytes, keys: absentKeys }
const object = { operation: operation.object, measures: 'GET key and JSON.parse', filled: sessionJson }
const newest = { operation: operation.newest, measures: 'GET key and JSON.parse, both fields read', filled: loadJson }
const publish = { operation: operation.publish, measures: 'PUBLISH channel bytes; nobody subscribes' }
const claim = { operation: operation.claim, measures: 'SET key value NX PX 30000, and DEL key' }

const takeBytes = (answer: unknown) => {
  consumed.number += (answer as Buffer).length
}
const takeNothing = (answer: unknown) => {
  if (answer !== null) throw new Error(`an absent key has ${answer}`)
}
const takeSession = (answer: unknown) => {
  consumed.number += (JSON.parse((answer as Buffer).toString()) as typeof session).id
}
const takeLoad = (answer: unknown) => {
  const { busy, idle } = JSON.parse((answer as Buffer).toString()) as typeof load
  consumed.number += busy + idle
}

/** A server of this host. */
export const redis: Rival = {
  name: who,
  async lacks() {
    if (spawnSync('redis-server', ['--version']).error !== undefined) {
      return 'redis-server is not installed (apt-get install redis-server)'
    }
    return packageLacks('@redis/client', () => import('@redis/client'))
  },
  serve: (folder) => new RedisServer(folder),
  trials: [
    awaited(put, async (client, key) => {
      await client.set(key, bytes)
    }),
    pipelined(put, (pipeline, key) => pipeline.set(key, bytes)),
    awaited(hit, async (client, key) => takeBytes(await client.get(key))),
    pipelined(hit, (pipeline, key) => pipeline.get(key), takeBytes),
    awaited(miss, async (client, key) => takeNothing(await client.get(key))),
    pipelined(miss, (pipeline, key) => pipeline.get(key), takeNothing),
    awaited(object, async (client, key) => takeSession(await client.get(key))),
    pipelined(object, (pipeline, key) => pipeline.get(key), takeSession),
    awaited(newest, async (client, key) => takeLoad(await client.get(key))),
    awaited(publish, async (client, channel) => {
      await client.publish(channel, bytes)
    }),
    pipelined(publish, (pipeline, channel) => pipeline.publish(channel, bytes)),
    awaited(claim, async (client, key) => {
      const answer = await client.set(key, 'owner', { condition: 'NX', expiration: { type: 'PX', value: 30_000 } })
      if (answer === null) throw new Error(`${key} is claimed already`)
      await client.del(key)
    }),
  ],
}
