import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Fleet } from '../../src/index.js'
import { fleetName } from '../help/fleets.js'
import { runProgram } from './program.js'

interface Client {
  readonly socket: WebSocket
  readonly worker: number
  /** The changes that it has heard of, in order. */
  readonly heard: string[]
}

async function connect(port: number, user: string): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/as/${user}`)
  onTestFinished(() => socket.terminate())
  socket.on('error', () => {})
  const heard: string[] = []
  socket.on('message', (data) => heard.push(`${data}`))
  const [{ headers }] = (await once(socket, 'upgrade')) as [{ headers: Record<string, string> }]
  if (socket.readyState !== WebSocket.OPEN) await once(socket, 'open')
  return { socket, worker: Number(headers['x-worker']), heard }
}

/** Connects users until each of these workers has one; the others leave. */
async function oneForEach(port: number, workers: readonly number[]): Promise<Map<number, Client>> {
  const clients = new Map<number, Client>()
  while (clients.size < workers.length) {
    const client = await connect(port, `user${clients.size}`)
    if (workers.includes(client.worker) && !clients.has(client.worker)) clients.set(client.worker, client)
    else client.socket.terminate()
  }
  return clients
}

const online = async (port: number): Promise<Record<string, number[]>> =>
  (await (await fetch(`http://127.0.0.1:${port}/online`)).json()) as Record<string, number[]>

/** Asks until the answer is so; the time limit of the test is the watchdog. */
async function until(port: number, isSo: (users: Record<string, number[]>) => boolean): Promise<void> {
  while (!isSo(await online(port))) await new Promise((resolve) => setImmediate(resolve))
}

it('shows the connections of all workers, and none of a worker that is killed', async () => {
  const fleet = fleetName('recipe-presence')
  const { main } = runProgram('presence', { env: { FLEET: fleet, PORT: '0' } })
  let port = 0
  for (let i = 0; i < 4; i++) port = Number((await main.heard(/listens on port (\d+)/))[1])
  const clients = await oneForEach(port, [0, 1, 2, 3])
  const users = [...clients.values()].map((_, i) => `user${i}`)
  await until(port, (found) => Object.values(found).flat().length === 4)
  expect(Object.keys(await online(port)).sort()).toEqual(users)
  expect(
    Object.values(await online(port))
      .flat()
      .sort(),
  ).toEqual([0, 1, 2, 3])

  const [[victim, gone], ...rest] = [...clients] as [[number, Client], ...[number, Client][]]
  using observer = Fleet.observe(fleet)
  process.kill(observer.nodes().find(({ node }) => node === victim)?.pid as number, 'SIGKILL')
  await once(gone.socket, 'close')
  await until(port, (found) => Object.values(found).flat().length === 3)
  const removed = JSON.stringify(['removed', 'user0', victim])
  for (const [, { socket, heard }] of rest) while (!heard.includes(removed)) await once(socket, 'message')

  const [[, leaving], [, staying]] = rest as [[number, Client], [number, Client], ...unknown[]]
  leaving.socket.close()
  await until(port, (found) => Object.values(found).flat().length === 2)
  const left = JSON.stringify(['removed', 'user1', leaving.worker])
  while (!staying.heard.includes(left)) await once(staying.socket, 'message')
})
