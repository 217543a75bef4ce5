import { describe, expect, it } from 'vitest'
import { abi } from '../../src/core/native.js'
import { Client, serve } from '../../src/index.js'
import { chunkAt, chunkIn, golden, lapIn, type ObjectFile, objectFile, ringAt, slotWord } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, keep } from '../help/fleets.js'
import { generator, newSeed } from '../help/random.js'

const fleetSize = 8
const boxes = 64
const perBox = 256
const replies = 128
const at = ringAt({ capacity: boxes * perBox, payloadBytes: abi.requestHeaderBytes + 2008 }, fleetSize)
const floorAt = (box: number) => at.end + box * 256 + 64
const progressAt = (box: number, place: number) => at.end + boxes * 256 + (box * replies + place) * 8
/** The reply slot of the first call of the second process, which has the second box. */
const firstReply = 2 * perBox - replies

const echo = (value: unknown) => value

/** A server that answers held calls when it is told to, and a caller. */
function setUp() {
  const name = fleetName()
  const [server, caller] = [joinShm(name, { size: fleetSize }), joinShm(name, { size: fleetSize })]
  const held: ((value: unknown) => void)[] = []
  const handlers = {
    echo,
    hold: () => new Promise<unknown>((resolve) => held.push(resolve)),
    async *items() {
      yield 'first'
      yield await handlers.hold()
    },
  }
  const service = keep(serve(server, 'work', handlers))
  const client = new Client<typeof handlers>(caller, 'work')
  const file = objectFile(name, abi.callKind)
  const untilHeld = async (count: number) => {
    while (held.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
  return { name, server, service, caller, client, held, untilHeld, file }
}

/** Writes foreign bytes into the first reply slot of the caller, in which a call waits, or its chunk. */
type Forge = (file: ObjectFile, word: bigint) => void

const setWord = (file: ObjectFile, lap: number, chunk: number) => file.setU64(at.slot(firstReply), slotWord(lap, chunk))

/** An answer in the chunk of the slot, whole, but for what `change` writes. */
const answerWith =
  (change: (file: ObjectFile, chunk: number) => void): Forge =>
  (file, word) => {
    const chunk = at.chunk(chunkIn(word))
    const lap = lapIn(word) + 1
    const position = BigInt(lap - 1) * BigInt(boxes * perBox) + BigInt(firstReply)
    file.setU64(chunk + chunkAt.id, (BigInt(abi.callKind) << 56n) | (position % BigInt(golden.counters)))
    file.setU64(chunk + chunkAt.version, BigInt(lap - 1))
    file.setU32(chunk + chunkAt.length, 1)
    file.setU32(chunk + chunkAt.frameKind, 1)
    change(file, chunk)
    setWord(file, lap, chunkIn(word))
  }

const forged: [string, Forge][] = [
  ['an unknown chunk at the stamp of the call', (file, word) => setWord(file, lapIn(word), at.chunks)],
  ['an unknown chunk behind it', (file, word) => setWord(file, lapIn(word) + 1, at.chunks)],
  ['the chunk of another slot', (file, word) => setWord(file, lapIn(word) + 1, 7)],
  ['a stamp far ahead', (file, word) => setWord(file, golden.maxLap, chunkIn(word))],
  ['an earlier stamp', (file, word) => setWord(file, lapIn(word) - 1, chunkIn(word))],
  ['zeros', (file) => file.setU64(at.slot(firstReply), 0n)],
  ['the answer to another call', answerWith((file, chunk) => file.setU64(chunk + chunkAt.version, 99n))],
  ['an answer that is too long', answerWith((file, chunk) => file.setU32(chunk + chunkAt.length, 2 ** 31))],
  ['an answer of no kind', answerWith((file, chunk) => file.setU32(chunk + chunkAt.frameKind, 77))],
  ['an empty answer', answerWith((file, chunk) => file.setU32(chunk + chunkAt.length, 0))],
  ['an answer without a form', answerWith((file, chunk) => file.setU32(chunk + chunkAt.payload, 0x63))],
  [
    'a number of 1 byte instead of 8',
    answerWith((file, chunk) => {
      file.setU32(chunk + chunkAt.length, 2)
      file.setU32(chunk + chunkAt.payload, 3)
    }),
  ],
  ['a part, which it did not ask for', answerWith((file, chunk) => file.setU32(chunk + chunkAt.frameKind, 4))],
  ['a failure without fields', answerWith((file, chunk) => file.setU32(chunk + chunkAt.frameKind, 2))],
]

describe.runIf(hasObjectFiles)('a call with foreign bytes in its reply slot', () => {
  it.each(forged)('ends with an error, and others go on: %s', async (_, forge) => {
    const { server, client, held, untilHeld, file } = setUp()
    const damaged = client.call('hold', undefined, { timeoutMs: 200 })
    const others = [client.call('hold'), client.call('hold')]
    await untilHeld(3)
    forge(file, file.u64(at.slot(firstReply)))
    await expect(damaged).rejects.toMatchObject({ code: 'ERR_ORBIT_CORRUPT', progress: 'begun' })
    for (const [i, answer] of held.entries()) answer(i)
    expect(await Promise.all(others)).toEqual([1, 2])
    // All places, the damaged one among them.
    const values = Array.from({ length: 2 * replies }, (_, i) => i)
    expect(await Promise.all(values.map((value) => client.call('echo', value, { timeoutMs: 5000 })))).toEqual(values)
    expect(await new Client<{ echo: typeof echo }>(server, 'work').call('echo', 'own')).toBe('own')
  })

  it('leaves its late answer to no other call when its stamp was put back', async () => {
    const { client, held, untilHeld, file } = setUp()
    const damaged = client.call('hold', undefined, { timeoutMs: 200 })
    await untilHeld(1)
    const word = file.u64(at.slot(firstReply))
    setWord(file, lapIn(word) - 1, chunkIn(word))
    await expect(damaged).rejects.toMatchObject({ code: 'ERR_ORBIT_CORRUPT' })
    await client.call('echo', 'the earlier stamp')
    const next = client.call('hold')
    await untilHeld(2)
    held[0]?.('late')
    await new Promise((resolve) => setImmediate(resolve))
    held[1]?.('own')
    expect(await next).toBe('own')
  })

  it('ends with an error when no other place is left for it', async () => {
    const { client, file } = setUp()
    for (let reply = 0; reply < replies; reply++) file.setU64(at.slot(firstReply + reply), slotWord(1, at.chunks))
    await expect(client.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_ORBIT_CORRUPT' })
    await expect(client.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_ORBIT_CORRUPT' })
  })

  it('ends with an error when the last place was lost while it waited for one', async () => {
    const { client, untilHeld, file } = setUp()
    const held = client.call('hold', undefined, { timeoutMs: 200 })
    await untilHeld(1)
    for (let reply = 0; reply < replies; reply++) file.setU64(at.slot(firstReply + reply), slotWord(1, at.chunks))
    const waiting = [1, 2, 3].map((value) => client.call('echo', value))
    const ends = await Promise.allSettled([held, ...waiting])
    expect(ends).toEqual(
      ends.map(() => ({ status: 'rejected', reason: expect.objectContaining({ code: 'ERR_ORBIT_CORRUPT' }) })),
    )
  })
})

describe.runIf(hasObjectFiles)('foreign bytes', () => {
  it.each([3, 0])('in a part end its stream with an error: %i bytes', async (length) => {
    const { client, held, untilHeld, file } = setUp()
    const items = client.stream('items')
    expect(await items.next()).toEqual({ done: false, value: 'first' })
    const next = items.next()
    await untilHeld(1)
    answerWith((forged, chunk) => {
      forged.setU32(chunk + chunkAt.frameKind, 4)
      forged.setU32(chunk + chunkAt.length, length)
    })(file, file.u64(at.slot(firstReply)))
    held[0]?.('second')
    await expect(next).rejects.toMatchObject({ code: 'ERR_ORBIT_CORRUPT' })
    expect(await client.call('echo', 1)).toBe(1)
  })

  it('in a part leave a stream that is aborted its reason', async () => {
    const { client, untilHeld, file } = setUp()
    const controller = new AbortController()
    const items = client.stream('items', undefined, { signal: controller.signal })
    await items.next()
    const next = items.next()
    await untilHeld(1)
    answerWith((forged, chunk) => {
      forged.setU32(chunk + chunkAt.frameKind, 4)
      forged.setU32(chunk + chunkAt.length, 3)
    })(file, file.u64(at.slot(firstReply)))
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })

  it('in the floor of a box leave new members the others', async () => {
    const { name, file } = setUp()
    file.setU64(floorAt(2), 2n ** 60n)
    const client = new Client<{ echo: typeof echo }>(joinShm(name), 'work')
    expect(await client.call('echo', 1)).toBe(1)
  })

  it('in all slots of two boxes end calls one by one, and leave the caller to call another server', async () => {
    const { name, service, client, held, file } = setUp()
    const random = generator(newSeed('hostile calls'))
    const forge = (slot: number) => {
      const word = file.u64(at.slot(slot))
      const laps = [0, lapIn(word), lapIn(word) + 1, lapIn(word) + 2, golden.maxLap]
      const chunks = [chunkIn(word), at.chunks + random(100), 2 ** 20 - 1]
      file.setU64(
        at.slot(slot),
        slotWord(Math.min(laps[random(5)] as number, golden.maxLap), chunks[random(3)] as number),
      )
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 40 }, (_, i) =>
        i % 2 === 0 ? client.call('hold', undefined, { timeoutMs: 50 }) : client.call('echo', i, { timeoutMs: 50 }),
      )
      const ends = Promise.allSettled(calls)
      await turn()
      for (let i = 0; i < 16; i++) {
        forge(random(perBox)) // of the server
        forge(firstReply + random(40))
        file.setU64(progressAt(1, random(40)), BigInt(random(2 ** 30)))
      }
      for (const answer of held.splice(0)) answer('held')
      for (const end of await ends) {
        if (end.status === 'fulfilled') continue
        expect(end.reason.code).toMatch(/^ERR_ORBIT_(CORRUPT|TIMEOUT|NO_HANDLER)$/)
      }
    }
    service.close()
    keep(serve(joinShm(name), 'work', { echo }))
    const values = Array.from({ length: 200 }, (_, i) => i)
    expect(await Promise.all(values.map((value) => client.call('echo', value, { timeoutMs: 5000 })))).toEqual(values)
  })
})
