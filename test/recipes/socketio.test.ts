import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { serialize } from 'node:v8'
import { MessageType } from 'socket.io-adapter'
import { io, type Socket } from 'socket.io-client'
import { expect, it, onTestFinished } from 'vitest'
import { Fleet, OrbitEventBus } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { isStopped } from '../help/processes.js'
import { type ProgramOptions, runProgram } from './program.js'

const workers = [0, 1, 2, 3]

interface Client {
  socket: Socket
  worker: number
  heard: unknown[][]
}

/** Resolves when this client has received `count` messages in total. */
async function hears({ socket, heard }: Client, count: number): Promise<void> {
  while (heard.length < count) await new Promise((resolve) => socket.once('said', resolve))
}

async function connect(port: number): Promise<Client> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, reconnection: false })
  onTestFinished(() => void socket.close())
  const heard: unknown[][] = []
  socket.on('said', (...words: unknown[]) => heard.push(words))
  await once(socket as never, 'connect')
  const [worker] = (await socket.emitWithAck('workers')) as [number]
  return { socket, worker, heard }
}

/** Connects until each of these workers has `each` clients. */
async function clientsOf(port: number, wanted: readonly number[], each = 1): Promise<Client[]> {
  const clients: Client[] = []
  const isWanted = (worker: number) =>
    wanted.includes(worker) && clients.filter((client) => client.worker === worker).length < each
  while (wanted.some(isWanted)) {
    const client = await connect(port)
    if (isWanted(client.worker)) clients.push(client)
    else client.socket.close()
  }
  return clients
}

const pidOf = (fleet: string, node: number): number => {
  using observer = Fleet.observe(fleet)
  return observer.nodes().find((record) => record.node === node)?.pid as number
}

/** Four workers that all know one another, and clients of each of them. */
async function startRecipe(each = 1, program: Pick<ProgramOptions, 'files' | 'run'> = {}) {
  const name = fleetName('recipe-io')
  const { main } = runProgram('socketio', { ...program, env: { FLEET: name, PORT: '0' } })
  let port = 0
  for (const _ of workers) port = Number((await main.heard(/listens on port (\d+)/))[1])
  const clients = await clientsOf(port, workers, each)
  for (const client of clients) await allAnswer(client)
  return { name, main, port, clients }
}

/** Asks until every worker answers: a new one is known after its first message has arrived. */
async function allAnswer({ socket }: Client): Promise<void> {
  let nodes: number[] = []
  while (nodes.length < workers.length) nodes = await socket.emitWithAck('workers')
  expect(nodes.sort()).toEqual(workers)
}

it('delivers messages of any size to all members of a room once, on all workers', async () => {
  const { clients } = await startRecipe(2)
  const members = clients.filter((_, i) => i % 4 !== 3)
  const others = clients.filter((_, i) => i % 4 === 3)
  for (const { socket } of members) await socket.emitWithAck('enter', 'lobby')
  for (const { socket } of others) await socket.emitWithAck('enter', 'elsewhere')
  const large = Buffer.alloc(300_000, 'orbit')
  const each = 20
  members.forEach(({ socket }, sender) => {
    for (let i = 0; i < each; i++)
      socket.emit('say', 'lobby', sender, i, i === each - 1 ? large : { nested: [i, null] })
  })
  await Promise.all(members.map((client) => hears(client, members.length * each)))
  others[0]?.socket.emit('say', 'elsewhere', 'last')
  await Promise.all(others.map((client) => hears(client, 1)))

  for (const { heard } of members) {
    expect(heard).toHaveLength(members.length * each)
    for (const [sender] of members.entries()) {
      const ofSender = heard.filter(([who]) => who === sender)
      expect(ofSender.map(([, i]) => i)).toEqual(Array.from({ length: each }, (_, i) => i))
      expect(ofSender[0]?.[2]).toEqual({ nested: [0, null] })
      expect(large.equals(ofSender.at(-1)?.[2] as Buffer)).toBe(true)
    }
  }
  for (const { heard } of others) expect(heard).toEqual([['last']])
})

it('finds the sockets of all workers, even just after one was killed', async () => {
  const { name, main, port, clients } = await startRecipe()
  for (const { socket } of clients) await socket.emitWithAck('enter', 'lobby')
  const [asker, victim, ...rest] = clients as [Client, Client, ...Client[]]
  const ids = async () => ((await asker.socket.emitWithAck('who', 'lobby')) as string[]).sort()
  expect(await ids()).toEqual(clients.map(({ socket }) => socket.id).sort())

  const gone = once(victim.socket as never, 'disconnect')
  process.kill(pidOf(name, victim.worker), 'SIGKILL')
  await gone
  expect(await ids()).toEqual([asker, ...rest].map(({ socket }) => socket.id).sort())

  await main.heard(/worker 5 listens/)
  const [back] = (await clientsOf(port, [victim.worker])) as [Client]
  await back.socket.emitWithAck('enter', 'lobby')
  await allAnswer(asker)
  await allAnswer(back)
  asker.socket.emit('say', 'lobby', 'welcome')
  await Promise.all([asker, back, ...rest].map((client) => hears(client, 1)))
  expect(await ids()).toEqual([asker, back, ...rest].map(({ socket }) => socket.id).sort())
})

it('does not wait for a killed worker, even without a replacement', async () => {
  const forkOnce = `
    import cluster from 'node:cluster'
    if (cluster.isPrimary) {
      cluster.on('listening', (_, { port }) => console.log('listens on port ' + port))
      for (let i = 0; i < 4; i++) cluster.fork()
    } else await import('./worker.js')`
  const { name, clients } = await startRecipe(1, { files: { 'once.ts': forkOnce }, run: ['once.ts'] })
  const [asker, victim] = clients as [Client, Client]
  const gone = once(victim.socket as never, 'disconnect')
  process.kill(pidOf(name, victim.worker), 'SIGKILL')
  await gone
  const nodes = (await asker.socket.emitWithAck('workers')) as number[]
  expect(nodes.sort()).toEqual(workers.filter((worker) => worker !== victim.worker))
})

it('survives any input of a client', async () => {
  const { main, clients } = await startRecipe()
  for (const { socket } of clients) {
    socket.emit('enter')
    for (const event of ['enter', 'who', 'workers', 'say']) socket.emit(event, 'lobby', 'no function')
    await socket.emitWithAck('who', 'lobby') // answered after all of these
  }
  for (const client of clients) await allAnswer(client)
  expect(main.lines.filter((line) => line.includes('listens'))).toHaveLength(workers.length)
})

it('asks the clients of a worker that lagged to resync, and continues', async () => {
  const { name, clients } = await startRecipe()
  for (const { socket } of clients) await socket.emitWithAck('enter', 'lobby')
  const [sender, slow, ...rest] = clients as [Client, Client, ...Client[]]
  const pid = pidOf(name, slow.worker)
  process.kill(pid, 'SIGSTOP')
  while (!isStopped(pid)) await new Promise((resolve) => setImmediate(resolve))
  const count = 1024 + 100
  for (let i = 0; i < count; i++) {
    sender.socket.emit('say', 'lobby', i)
    if (i % 500 === 499) await Promise.all([sender, ...rest].map((client) => hears(client, i + 1))) // so they do not lag
  }
  await Promise.all([sender, ...rest].map((client) => hears(client, count)))
  const resync = once(slow.socket as never, 'resync')
  process.kill(pid, 'SIGCONT')
  const [lost] = (await resync) as [number]
  expect(lost).toBeGreaterThanOrEqual(100) // servers also exchange messages
  sender.socket.emit('say', 'lobby', 'after')
  await hears(slow, count - lost + 1)
  while (slow.heard.at(-1)?.[0] !== 'after') await hears(slow, slow.heard.length + 1)
  const said = slow.heard.slice(0, -1).map(([i]) => i as number)
  expect(said).toEqual(Array.from({ length: said.length }, (_, i) => count - said.length + i))
})

it('never joins the beginning of one message and the end of another', async () => {
  const { name, clients } = await startRecipe()
  const [client] = clients as [Client]
  using sender = Fleet.joinShm(name)
  using other = Fleet.joinShm(name)
  const topic = `io.${createHash('sha256').update('/').digest('hex')}.all`
  /** The message of a server of the test to all clients, in three parts. */
  const partsOf = (uid: string, word: string): Buffer[] => {
    const packet = { type: 2, nsp: '/', data: ['said', word] }
    const data = { opts: { rooms: [], except: [], flags: {} }, packet }
    const bytes = serialize({ uid, nsp: '/', type: MessageType.BROADCAST, data })
    return [0, 1, 2].map((index) =>
      Buffer.concat([
        Buffer.from(Uint16Array.of(index, 3).buffer),
        bytes.subarray(index * 40, index < 2 ? index * 40 + 40 : undefined),
      ]),
    )
  }
  const [first, second, third] = partsOf('sender', 'mixed') as [Buffer, Buffer, Buffer]
  const bus = new OrbitEventBus(sender, { name: 'socket.io' })
  const otherBus = new OrbitEventBus(other, { name: 'socket.io' })
  const say = (word: string) => {
    for (const part of partsOf('other', word)) otherBus.publish(topic, part)
  }

  bus.publish(topic, first)
  bus.publish(topic, second)
  say('before')
  await hears(client, 1) // so both have been read
  const pid = pidOf(name, client.worker)
  process.kill(pid, 'SIGSTOP')
  while (!isStopped(pid)) await new Promise((resolve) => setImmediate(resolve))
  for (let i = 0; i < 1024; i++) bus.publish('filler')
  bus.publish(topic, third) // the last part of a message with an overwritten beginning
  say('after')
  process.kill(pid, 'SIGCONT')
  await hears(client, 2)
  expect(client.heard).toEqual([['before'], ['after']])
})

it('leaves nothing behind when a server closes: the other servers notice, and the process ends', async () => {
  const files = {
    'close.ts': `
      import { Fleet } from 'orbit-node'
      import { orbitAdapter } from 'orbit-node/socketio'
      import { Server } from 'socket.io'
      const [first, second] = [0, 1].map(() => {
        const fleet = Fleet.joinShm(process.env['FLEET'] ?? '')
        const io = new Server(0, { adapter: orbitAdapter(fleet) })
        const servers = async (count: number) => {
          while ((await io.of('/').adapter.serverCount()) !== count) await new Promise((resolve) => setImmediate(resolve))
        }
        return { fleet, io, servers }
      })
      await first!.servers(2)
      await second!.servers(2)
      await first!.io.close()
      await second!.servers(1)
      first!.fleet.close()
      await new Promise((resolve) => setTimeout(resolve, 1000)) // fires after any remaining interval of this length
      await second!.io.close() // second.fleet stays open`,
  }
  const { main } = runProgram('socketio', { files, run: ['close.ts'], env: { FLEET: fleetName('recipe-io') } })
  expect(await main.ended, main.lines.join('\n')).toBe(0)
  expect(main.lines).toEqual([])
})

it('reports a message that is too large for the other workers', async () => {
  const files = {
    'oversize.ts': `
      import { Fleet } from 'orbit-node'
      import { orbitAdapter } from 'orbit-node/socketio'
      import { Server } from 'socket.io'
      using fleet = Fleet.joinShm(process.env['FLEET'] ?? '')
      const io = new Server(0, { adapter: orbitAdapter(fleet) })
      io.emit('fits', Buffer.alloc(1_000_000))
      io.emit('does not', Buffer.alloc(1_015_808))
      await io.close()`,
  }
  const { main } = runProgram('socketio', { files, run: ['oversize.ts'], env: { FLEET: fleetName('recipe-io') } })
  expect(await main.ended, main.lines.join('\n')).toBe(0)
  const warnings = main.lines.filter((line) => line.includes('RangeError'))
  expect(warnings).toEqual([
    expect.stringMatching(/: a message of 101\d{4} bytes must have at most 1015808; not sent$/),
  ])
})
