import { readdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Client, Fleet, RemoteError, serve } from '../../src/index.js'
import { objectsFolder } from '../../src/inspect/objects.js'
import { fleetName, joinShm, keep, memories } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { untyped } from '../help/refusals.js'

const handlers = {
  echo: (value: unknown) => value,
  length: (value: Uint8Array) => value.length,
  bytes: (length: number) => new Uint8Array(length).fill(7),
  fail: (length: number) => {
    throw Object.assign(new Error('large'), { details: 'x'.repeat(length) })
  },
  async *blocks(length: number) {
    for (let i = 0; i < 5; i++) yield new Uint8Array(length).fill(i)
  },
  hang: () => new Promise(() => {}),
}

function pair(join: (name: string) => Fleet) {
  const name = fleetName()
  keep(serve(join(name), 'work', handlers))
  return { name, client: new Client<typeof handlers>(join(name), 'work') }
}

const blobsOf = (name: string) =>
  readdirSync(objectsFolder()).filter((file) => file.startsWith(`orbit-${name}-`) && file.endsWith('.blob'))

/** Files are the only sign of what is left, and the last one may be removed a turn after the answer. */
async function untilNoBlobs(name: string): Promise<void> {
  while (blobsOf(name).length > 0) await turn()
}

describe.each(memories)('a call of more bytes than a slot has, in $memory', ({ join }) => {
  it('carries bytes, texts and structured values both ways', async () => {
    const { client } = pair(join)
    for (const bytes of [1990, 2008, 2009, 5000, 2 ** 20]) {
      expect(await client.call('length', new Uint8Array(bytes))).toBe(bytes)
      const answer = await client.call('bytes', bytes)
      expect([answer.length, answer[0], answer.at(-1)]).toEqual([bytes, 7, 7])
      expect(await client.call('echo', 'é'.repeat(bytes))).toBe('é'.repeat(bytes))
    }
    const value = { list: Array.from({ length: 2000 }, (_, i) => i), at: new Date(0) }
    expect(await client.call('echo', value)).toEqual(value)
  })

  it('carries 16 MiB, and no more', async () => {
    const { client } = pair(join)
    expect(((await client.call('echo', new Uint8Array(2 ** 24).fill(3))) as Uint8Array).at(-1)).toBe(3)
    await expect(client.call('bytes', 2 ** 24 + 1)).rejects.toThrow('the answer of work.bytes has 16777217 bytes')
  })

  it('carries large errors, and large items of a stream', async () => {
    const { client } = pair(join)
    const error = await client.call('fail', 10_000).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error.details.length).toBe(10_000)
    const blocks: number[] = []
    for await (const block of client.stream('blocks', 100_000)) blocks.push(block.length, block.at(-1) ?? -1)
    expect(blocks).toEqual([0, 1, 2, 3, 4].flatMap((i) => [100_000, i]))
  })
})

describe('a large call between processes', () => {
  it('leaves nothing behind when it is answered, refused, given up, or left', async () => {
    const { name, client } = pair(joinShm)
    const large = new Uint8Array(100_000)
    const calls = Array.from({ length: 200 }, () => client.call('echo', large))
    expect(blobsOf(name).length).toBeGreaterThan(0)
    await Promise.all(calls)
    await expect(client.call('hang', untyped(large), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'ERR_ORBIT_TIMEOUT',
    })
    for await (const block of client.stream('blocks', 100_000)) if (block.length > 0) break
    const absent = new Client<typeof handlers>(joinShm(name), 'absent')
    await expect(absent.call('echo', large)).rejects.toMatchObject({ code: 'ERR_ORBIT_NO_SERVER' })
    await untilNoBlobs(name)
  })

  it('leaves its request to the next member of the node when its caller dies', async () => {
    const { name } = pair(joinShm)
    const caller = start('actor.mjs', ['inbox', 'callLarge', name])
    const [node] = await caller.next<[number]>()
    while (blobsOf(name).length === 0) await turn()
    await caller.kill()
    keep(joinShm(name, { node }))
    await untilNoBlobs(name)
  })

  it('is removed with its fleet', async () => {
    const { name } = pair(joinShm)
    const caller = start('actor.mjs', ['inbox', 'callLarge', name])
    await caller.next()
    while (blobsOf(name).length === 0) await turn()
    Fleet.remove(name, { force: true })
    expect(blobsOf(name)).toEqual([])
  })

  it('leaves no answer when its caller dies before it reads it', async () => {
    const name = fleetName()
    let answer: (bytes: Uint8Array) => void = () => {}
    const begun = new Promise<void>((resolve) => {
      const hang = () => {
        resolve()
        return new Promise<Uint8Array>((done) => {
          answer = done
        })
      }
      keep(serve(joinShm(name), 'work', { hang }))
    })
    const caller = start('actor.mjs', ['inbox', 'callSmall', name])
    await caller.next()
    await begun
    await caller.stop()
    answer(new Uint8Array(100_000))
    while (blobsOf(name).length === 0) await turn()
    await caller.kill()
    await untilNoBlobs(name)
  })
})
