import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { isLinux } from '../help/system.js'
import { type Running, runProgram } from './program.js'
import { unpack } from './recipe.js'

const portOf = async (server: Running): Promise<string> => `${(await server.heard(/listens.*port: (\d+)/))[1]}`

describe.runIf(isLinux).each(['express.ts', 'fastify.ts'])('the server in %s', (file) => {
  it('sends the page that another process made, until it was changed', async () => {
    const { main, start } = runProgram('httpcache', { run: [file], env: { PORT: '0' } })
    const ports = await Promise.all([main, start(file)].map(portOf))
    const pageOf = async (port = '') => {
      const response = await fetch(`http://localhost:${port}/products/7`)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      return response.text()
    }
    const pages = [await pageOf(ports[0]), await pageOf(ports[1]), await pageOf(ports[0])]
    expect(pages).toEqual(Array(3).fill(expect.stringContaining('<h1>Product 7</h1>')))
    expect(new Set(pages).size).toBe(1)
    const changed = await fetch(`http://localhost:${ports[1]}/products/7`, { method: 'POST' })
    expect(changed.status).toBe(204)
    const next = await pageOf(ports[0])
    expect(next).not.toBe(pages[0])
    expect(await pageOf(ports[1])).toBe(next)
  })
})

const ask = `
import { textOf } from './client.js'
console.log('received', await textOf(process.argv[2] as string))
setInterval(() => {}, 2 ** 30) // it stays in the fleet
`

describe.runIf(isLinux)('the store for undici', () => {
  it('answers in one process what another has received', async () => {
    let requests = 0
    const server = createServer((_, response) => {
      response.setHeader('cache-control', 'max-age=600').end(`response ${++requests}`)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { main, start } = runProgram('httpcache', { files: { 'ask.ts': ask }, run: ['ask.ts', url] })
    expect((await main.heard(/received (.*)/))[1]).toBe('response 1')
    expect((await start('ask.ts', url).heard(/received (.*)/))[1]).toBe('response 1')
    expect((await start('ask.ts', `${url}other`).heard(/received (.*)/))[1]).toBe('response 2')
  })

  it('keeps bodies and heads, and answers only requests with the headers of Vary', async () => {
    const folder = unpack('httpcache', { 'join.ts': "export { Fleet, OrbitStore } from 'orbit-node'" })
    const load = async (file: string) => import(pathToFileURL(join(folder, file)).href)
    const [{ OrbitCacheStore }, { Fleet, OrbitStore }] = [await load('undicistore.ts'), await load('join.ts')]
    const fleet = Fleet.joinShm(fleetName())
    onTestFinished(() => fleet.close())
    const store = new OrbitCacheStore(fleet)
    const key = { origin: 'http://host', method: 'GET', path: '/', headers: { accept: 'text/html' } }
    const times = { cachedAt: Date.now(), staleAt: Date.now() + 1000, deleteAt: Date.now() + 600_000 }
    const head = { statusCode: 200, statusMessage: 'OK', headers: { a: ['1', '2'] }, cacheControlDirectives: {} }
    const value = { ...head, vary: { accept: 'text/html' } }
    const begin = (): Writable => store.createWriteStream(key, { ...value, ...times })
    const write = async (stream: Writable, ...parts: Uint8Array[]) => {
      for (const part of parts) stream.write(part)
      stream.end()
      await once(stream, 'close')
    }
    expect(store.get(key)).toBeUndefined()
    await write(begin(), Buffer.from('one\n'), Buffer.from('two'))
    expect(store.get(key)).toEqual({ ...value, ...times, body: [Buffer.from('one\ntwo')] })
    expect(store.get({ ...key, headers: { accept: 'text/plain' } })).toBeUndefined()
    expect(store.get({ ...key, headers: undefined })).toBeUndefined()
    const isOld = begin()
    store.delete(key)
    await write(isOld, Buffer.from('before the change'))
    expect(store.get(key)).toBeUndefined()
    await write(begin(), Buffer.from('small'))
    await write(begin(), Buffer.alloc(5 * 2 ** 20))
    expect(store.get(key)).toBeUndefined()
    new OrbitStore(fleet, { name: 'undici' }).put('GET http://host/', 'foreign\n')
    expect(store.get(key)).toBeUndefined()
    expect(store.createWriteStream({ ...key, path: 'x'.repeat(400) }, { ...value, ...times })).toBeUndefined()
  })
})
