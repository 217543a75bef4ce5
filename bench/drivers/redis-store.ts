import { randomUUID } from 'node:crypto'
import { backoff } from './backoff.js'
import type { Cache, Claim, Claims, Latest, Place } from './driver.js'
import { connect } from './redis-server.js'
import { load } from './values.js'

type Client = Awaited<ReturnType<typeof connect>>

const parsed = (answer: unknown): number => {
  const { busy, idle } = JSON.parse((answer as Buffer).toString()) as typeof load
  return busy + idle
}
const bytesIn = (answer: unknown): number => (answer as Buffer | null)?.length ?? 0

/** Values that are already Buffers are not copied for it. */
const bufferOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.length)

export async function latest({ folder, name }: Place): Promise<Latest> {
  const client = await connect(folder)
  return {
    async storeAll(count) {
      for (let i = 0; i < count; i++) await client.set(name, JSON.stringify(load))
    },
    async loadAll(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum += parsed(await client.get(name))
      return sum
    },
    close: () => client.destroy(),
  }
}

export async function cache({ folder, name }: Place): Promise<Cache> {
  const client = await connect(folder)
  return {
    async putAll(keys, value) {
      for (const key of keys) await client.set(`${name}:${key}`, bufferOf(value))
    },
    async getAll(keys) {
      let bytes = 0
      for (const key of keys) bytes += bytesIn(await client.get(`${name}:${key}`))
      return bytes
    },
    close: () => client.destroy(),
  }
}

const batch = 100

/** In one write for each hundred, and then all their answers. */
async function pipelined(
  client: Client,
  count: number,
  add: (pipeline: ReturnType<Client['multi']>, i: number) => unknown,
): Promise<unknown[]> {
  const answers: unknown[] = []
  for (let first = 0; first < count; first += batch) {
    const pipeline = client.multi()
    for (let i = first; i < Math.min(count, first + batch); i++) add(pipeline, i)
    answers.push(...(await pipeline.execAsPipeline()))
  }
  return answers
}

const sumOf = (answers: readonly unknown[], take: (answer: unknown) => number) =>
  answers.reduce<number>((sum, answer) => sum + take(answer), 0)

export async function latestPipelined({ folder, name }: Place): Promise<Latest> {
  const client = await connect(folder)
  return {
    async storeAll(count) {
      await pipelined(client, count, (pipeline) => pipeline.set(name, JSON.stringify(load)))
    },
    async loadAll(count) {
      return sumOf(await pipelined(client, count, (pipeline) => pipeline.get(name)), parsed)
    },
    close: () => client.destroy(),
  }
}

export async function cachePipelined({ folder, name }: Place): Promise<Cache> {
  const client = await connect(folder)
  return {
    async putAll(keys, value) {
      const bytes = bufferOf(value)
      await pipelined(client, keys.length, (pipeline, i) => pipeline.set(`${name}:${keys[i]}`, bytes))
    },
    async getAll(keys) {
      return sumOf(await pipelined(client, keys.length, (pipeline, i) => pipeline.get(`${name}:${keys[i]}`)), bytesIn)
    },
    close: () => client.destroy(),
  }
}

const ttlMs = 1000

/** Only whoever claimed it may end it or give it more time. */
const onlyMine = (then: string) => `if redis.call('get', KEYS[1]) == ARGV[1] then return ${then} else return 0 end`

/** A sentence for the settings. */
export const claimSettings =
  'claims: SET NX PX 1000 with a random owner, ended and (by claim()) renewed every 500 ms by a script that compares ' +
  'the owner; waited for by trying again after 1 to 3 ms'

export async function claims({ folder, name }: Place): Promise<Claims> {
  const client = await connect(folder)
  const release = await client.scriptLoad(onlyMine("redis.call('del', KEYS[1])"))
  const renew = await client.scriptLoad(onlyMine(`redis.call('pexpire', KEYS[1], ${ttlMs})`))
  const owner = randomUUID()
  let claimed = 0

  async function take(key: string): Promise<string | undefined> {
    const value = `${owner}:${++claimed}`
    const answer = await client.set(key, value, { condition: 'NX', expiration: { type: 'PX', value: ttlMs } })
    return answer === null ? undefined : value
  }

  const call = (script: Buffer | string, key: string, value: string) =>
    client.evalSha(`${script}`, { keys: [key], arguments: [value] })

  async function tryClaim(subject: string): Promise<Claim | undefined> {
    const key = `${name}:${subject}`
    const value = await take(key)
    if (value === undefined) return undefined
    const timer = setInterval(() => call(renew, key, value), ttlMs / 2)
    return {
      release() {
        clearInterval(timer)
        return call(release, key, value)
      },
    }
  }

  return {
    async claimAll(subjects) {
      for (const subject of subjects) {
        const key = `${name}:${subject}`
        const value = await take(key)
        if (value === undefined) throw new Error(`${subject} is claimed already`)
        await call(release, key, value)
      }
    },
    tryClaim,
    async claim(subject) {
      for (;;) {
        const claim = await tryClaim(subject)
        if (claim !== undefined) return claim
        await backoff()
      }
    },
    close: () => client.destroy(),
  }
}
