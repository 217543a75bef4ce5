import { randomUUID } from 'node:crypto'
import { packageVersion } from '../version.js'
import {
  bufferOf,
  type Claims,
  type Counts,
  claimByTrying,
  type Driver,
  type Limits,
  lacksPackage,
  limitOfAll,
  load,
  type Place,
} from './driver.js'
import { redisRequests } from './redis-requests.js'
import { connect, serverVersion, startServer } from './redis-server.js'

type Client = Awaited<ReturnType<typeof connect>>
type Multi = ReturnType<Client['multi']>

/** How many PUBLISHes may be without an answer. */
const window = 1024

/** The answers to `count` commands: one after the other, or in one write for each hundred. */
type Exchange = (client: Client, count: number, add: (to: Client | Multi, i: number) => unknown) => Promise<unknown[]>

const oneByOne: Exchange = async (client, count, add) => {
  const answers: unknown[] = []
  for (let i = 0; i < count; i++) answers.push(await add(client, i))
  return answers
}

const batch = 100
const pipelined: Exchange = async (client, count, add) => {
  const answers: unknown[] = []
  for (let first = 0; first < count; first += batch) {
    const pipeline = client.multi()
    for (let i = first; i < Math.min(count, first + batch); i++) add(pipeline, i)
    answers.push(...(await pipeline.execAsPipeline()))
  }
  return answers
}

const sum = (answers: readonly unknown[], of: (answer: unknown) => number) =>
  answers.reduce<number>((sum, answer) => sum + of(answer), 0)

const fieldsOf = (answer: unknown): number => {
  const { busy, idle } = JSON.parse((answer as Buffer).toString()) as typeof load
  return busy + idle
}

const stores = (exchange: Exchange): Pick<Driver, 'latest' | 'cache'> => ({
  async latest({ folder, name }) {
    const client = await connect(folder)
    return {
      storeAll: (count) => exchange(client, count, (to) => to.set(name, JSON.stringify(load))),
      loadAll: async (count) => sum(await exchange(client, count, (to) => to.get(name)), fieldsOf),
      close: () => client.destroy(),
    }
  },
  async cache({ folder, name }) {
    const client = await connect(folder)
    const bytesIn = (answer: unknown) => (answer as Buffer | null)?.length ?? 0
    return {
      putAll: (keys, value) => exchange(client, keys.length, (to, i) => to.set(`${name}:${keys[i]}`, bufferOf(value))),
      getAll: async (keys) =>
        sum(await exchange(client, keys.length, (to, i) => to.get(`${name}:${keys[i]}`)), bytesIn),
      close: () => client.destroy(),
    }
  },
})

const ttlMs = 1000

/** Only the process that claimed a key may end it or give it more time. */
const onlyMine = (then: string) => `if redis.call('get', KEYS[1]) == ARGV[1] then return ${then} else return 0 end`

async function claims({ folder, name }: Place): Promise<Claims> {
  const client = await connect(folder)
  const release = await client.scriptLoad(onlyMine("redis.call('del', KEYS[1])"))
  const renew = await client.scriptLoad(onlyMine(`redis.call('pexpire', KEYS[1], ${ttlMs})`))
  const owner = randomUUID()
  let claimed = 0
  const tryClaim: Claims['tryClaim'] = async (subject) => {
    const [key, value] = [`${name}:${subject}`, `${owner}:${++claimed}`]
    const call = (script: Buffer | string) => client.evalSha(`${script}`, { keys: [key], arguments: [value] })
    const answer = await client.set(key, value, { condition: 'NX', expiration: { type: 'PX', value: ttlMs } })
    if (answer === null) return undefined
    const timer = setInterval(() => call(renew), ttlMs / 2)
    return {
      release() {
        clearInterval(timer)
        return call(release)
      },
    }
  }
  return { tryClaim, claim: (subject) => claimByTrying(tryClaim, subject), close: () => client.destroy() }
}

async function counts({ folder, name }: Place): Promise<Counts> {
  const client = await connect(folder)
  return {
    async countAll(keys) {
      let count = 0
      for (const key of keys) count = await client.incr(`${name}:${key}`)
      return count
    },
    close: () => client.destroy(),
  }
}

/** A window begins with its first hit. */
const hit = `local n = redis.call('incr', KEYS[1])
if n == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end
return n`

async function limits({ folder, name }: Place): Promise<Limits> {
  const client = await connect(folder)
  const script = await client.scriptLoad(hit)
  const args = [String(limitOfAll.windowMs)]
  return {
    async takeAll(keys) {
      let allowed = 0
      for (const key of keys) {
        const count = await client.evalSha(`${script}`, { keys: [`${name}:${key}`], arguments: args })
        if (Number(count) <= limitOfAll.limit) allowed++
      }
      return allowed
    },
    close: () => client.destroy(),
  }
}

const serverSettings = 'redis-server of this host over a Unix socket, nothing saved'

const common = {
  peers: 'processes',
  version: () => `server ${serverVersion()}, @redis/client ${packageVersion('@redis/client')}`,
  async lacks() {
    if (serverVersion() !== undefined) return lacksPackage('@redis/client', () => import('@redis/client'))()
    return 'redis-server (or setpriv, which starts it) is not installed (apt-get install redis-server)'
  },
  serve: startServer,
} as const

export const redis: Driver = {
  ...common,
  ...stores(oneByOne),
  name: 'Redis',
  settings:
    `${serverSettings}; PUBLISH pipelined, up to 1,024 without an answer, all else awaited; values of { busy, idle } as ` +
    'JSON; claims: SET NX PX 1000 with a random owner, ended and (every 500 ms) renewed by a script that compares the ' +
    'owner; waited for by trying again after 1 to 3 ms; counts: INCR; limits: a script with INCR, and PEXPIRE if that is 1; ' +
    'questions: PUBLISH to a channel, answers to another',
  messages: {
    async subscribe({ folder, name }, hear) {
      const client = await connect(folder)
      await client.subscribe(name, hear, true)
      return { close: () => client.destroy() }
    },
    /** Commands go out without waiting for the answers to those before: the client writes all of one turn at once. */
    async publisher({ folder, name }) {
      const client = await connect(folder)
      let unanswered = 0
      let newest: Promise<unknown> = Promise.resolve()
      const answered = () => {
        unanswered--
      }
      /** The server answers in order. */
      const flush = async () => void (await newest)
      return {
        flush,
        publish(message) {
          newest = client.sendCommand(['PUBLISH', name, bufferOf(message)]).then(answered)
          return ++unanswered < window ? undefined : flush()
        },
        close: () => client.destroy(),
      }
    },
  },
  requests: redisRequests,
  claims,
  counts,
  limits,
}

/** The stores with what many calls at once can share. */
export const redisPipelined: Driver = {
  ...common,
  ...stores(pipelined),
  name: 'Redis, 100 pipelined',
  settings: `${serverSettings}; 100 calls in one write, then all their answers`,
}
