import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Fleet, OrbitEventBus } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { isStopped } from '../help/processes.js'
import { runProgram } from './program.js'

/** A client like that of a browser, which keeps everything that it received. */
class Client {
  readonly socket: WebSocket
  readonly heard: string[] = []
  worker = -1
  #wake = () => {}

  constructor(port: number, room: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/${room}`)
    this.socket.on('error', () => {})
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.heard.push(`${isBinary ? 'binary' : 'text'} ${data}`)
      this.#wake()
    })
    this.socket.on('upgrade', ({ headers }) => {
      this.worker = Number(headers['x-worker'])
    })
    this.socket.on('open', () => this.#wake())
    this.socket.on('close', () => this.#wake())
    onTestFinished(() => this.socket.terminate())
  }

  async until(isDone: () => boolean): Promise<this> {
    while (!isDone()) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the connection was closed')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this
  }
  opened(): Promise<this> {
    return this.until(() => this.socket.readyState === WebSocket.OPEN)
  }
  hears(count: number): Promise<this> {
    return this.until(() => this.heard.length >= count)
  }
}

async function startRecipe() {
  const name = fleetName('recipe-ws')
  const { main } = runProgram('websockets', { env: { FLEET: name, PORT: '0' } })
  let port = 0
  for (let i = 0; i < 4; i++) port = Number((await main.heard(/listens on port (\d+)/))[1])
  return { name, main, port }
}

/** Connects until each of these workers has `each` clients of a room. */
async function clientsOf(port: number, room: string, each: number, workers: readonly number[]): Promise<Client[]> {
  const clients: Client[] = []
  const ofWorker = (worker: number) => clients.filter((client) => client.worker === worker)
  while (workers.some((worker) => ofWorker(worker).length < each)) {
    const client = await new Client(port, room).opened()
    if (workers.includes(client.worker) && ofWorker(client.worker).length < each) clients.push(client)
    else client.socket.terminate()
  }
  return clients
}

const pidOf = (fleet: string, node: number): number => {
  using observer = Fleet.observe(fleet)
  return observer.nodes().find((record) => record.node === node)?.pid as number
}

it('delivers every message to every client of the room once, in one order, on all workers', async () => {
  const { port } = await startRecipe()
  const lobby = await clientsOf(port, 'lobby', 2, [0, 1, 2, 3])
  const other = await clientsOf(port, 'other', 1, [0, 1, 2, 3])
  const each = 50
  lobby.forEach(({ socket }, sender) => {
    for (let i = 0; i < each; i++) {
      const text = `${sender}:${i}`
      socket.send(i % 2 ? Buffer.from(text) : text)
    }
  })
  const all = lobby.length * each
  await Promise.all(lobby.map((client) => client.hears(all)))
  // The last message to the others comes after everything that they must not receive.
  for (const [i, client] of other.entries()) client.socket.send(`other ${i}`)
  await Promise.all(other.map((client) => client.hears(other.length)))

  const [first] = lobby as [Client, ...Client[]]
  for (const client of lobby) expect(client.heard).toEqual(first.heard)
  for (let sender = 0; sender < lobby.length; sender++) {
    const said = Array.from({ length: each }, (_, i) => `${i % 2 ? 'binary' : 'text'} ${sender}:${i}`)
    expect(first.heard.filter((message) => message.includes(` ${sender}:`))).toEqual(said)
  }
  expect(first.heard).toHaveLength(all)
  for (const client of other) expect(new Set(client.heard)).toEqual(new Set(other.map((_, i) => `text other ${i}`)))
})

it('asks only the clients of a worker that lagged to resync, with the exact loss', async () => {
  const { name, port } = await startRecipe()
  const clients = await clientsOf(port, 'lobby', 1, [0, 1, 2, 3])
  const slow = clients.find(({ worker }) => worker === 0) as Client
  const fast = clients.filter((client) => client !== slow)
  using fleet = Fleet.joinShm(name)
  const bus = new OrbitEventBus(fleet)
  const pid = pidOf(name, 0)
  process.kill(pid, 'SIGSTOP')
  while (!isStopped(pid)) await new Promise((resolve) => setImmediate(resolve))
  for (let i = 0; i < 1024 + 10; i++) {
    bus.publish('ws.text.lobby', `${i}`)
    if (i % 500 === 499) await Promise.all(fast.map((client) => client.hears(i + 1))) // so they do not lag
  }
  const closed = once(slow.socket, 'close')
  process.kill(pid, 'SIGCONT')
  const [code, reason] = await closed
  expect([code, String(reason)]).toEqual([4000, 'resync: 10 lost'])
  expect(slow.heard).toEqual([])
  await Promise.all(fast.map((client) => client.hears(1034)))
  for (const client of fast) expect(client.heard).toEqual(Array.from({ length: 1034 }, (_, i) => `text ${i}`))
  const [back] = (await clientsOf(port, 'lobby', 1, [0])) as [Client]
  bus.publish('ws.text.lobby', 'after')
  await Promise.all([back, ...fast].map(({ socket }) => once(socket, 'message')))
})

it('drops a client that does not read, and delivers everything to the others', async () => {
  const { name, port } = await startRecipe()
  const [slow, fast] = (await clientsOf(port, 'lobby', 2, [0])) as [Client, Client]
  using fleet = Fleet.joinShm(name)
  const bus = new OrbitEventBus(fleet)
  const message = 'x'.repeat(4096)
  const count = 16_000 // 64 MB: more than the kernel buffers for both ends of a connection
  slow.socket.pause()
  for (let i = 1; i <= count; i++) {
    bus.publish('ws.text.lobby', message)
    if (i % 100 === 0) await fast.hears(i) // so that the worker does not lag and this client is not dropped
  }
  const closed = once(slow.socket, 'close')
  slow.socket.resume()
  expect((await closed)[0]).toBe(1006)
  expect(slow.heard.length).toBeLessThan(count)
})

it('continues without a killed worker, and its clients reconnect to its successor', async () => {
  const { name, main, port } = await startRecipe()
  const clients = await clientsOf(port, 'lobby', 1, [0, 1, 2, 3])
  const [victim, ...rest] = clients as [Client, ...Client[]]
  const closed = once(victim.socket, 'close')
  process.kill(pidOf(name, victim.worker), 'SIGKILL')
  expect((await closed)[0]).toBe(1006)
  rest[0]?.socket.send('still here')
  await Promise.all(rest.map((client) => client.hears(1)))
  await main.heard(/worker 5 listens/)
  const [back] = (await clientsOf(port, 'lobby', 1, [victim.worker])) as [Client] // the successor has the victim's node
  back.socket.send('back again')
  await Promise.all([back.hears(1), ...rest.map((client) => client.hears(2))])
  for (const client of rest) expect(client.heard).toEqual(['text still here', 'text back again'])
})

it('refuses messages that are too large and invalid room names by the codes of the protocol', async () => {
  const { port } = await startRecipe()
  const large = await new Client(port, 'r'.repeat(32)).opened()
  large.socket.send('x'.repeat(4096))
  expect((await large.hears(1)).heard[0]).toHaveLength(4096 + 'text '.length)
  large.socket.send('x'.repeat(4097))
  expect((await once(large.socket, 'close'))[0]).toBe(1009)
  expect((await once(new Client(port, 'no.room').socket, 'close'))[0]).toBe(1008)
})
