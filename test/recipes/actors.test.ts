import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { testActors } from 'orbit-actors/testing'
import { Fleet } from 'orbit-node'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { fleetName } from '../help/fleets.js'
import { unpack } from './recipe.js'

const load = (file: string) => import(join(unpack('actors'), file))

it('shows the clients of both servers what is said in their room, in one order', async () => {
  const { serveRooms } = await load('rooms.ts')
  const fleet = Fleet.join(fleetName('rooms'))
  onTestFinished(() => fleet.close())
  const servers = [await serveRooms(fleet, 0), await serveRooms(fleet, 0)]
  const heard: string[][] = []
  const sockets = servers.flatMap(({ server }, i) =>
    ['lobby', 'attic'].map((room) => {
      const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/${room}`)
      const lines: string[] = []
      heard.push(lines)
      socket.on('message', (data) => lines.push(String(data)))
      return { socket, room, i }
    }),
  )
  await Promise.all(sockets.map(({ socket }) => once(socket, 'open')))
  const lobby = sockets.filter(({ room }) => room === 'lobby')
  for (const { socket, i } of lobby) socket.send(`hello from ${i}`)
  const [first = [], attic, second = []] = heard
  while (first.length < 2 || second.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(first).toEqual(second)
  expect(first.map((line) => line.slice(2)).sort()).toEqual(['hello from 0', 'hello from 1'])
  expect(attic).toEqual([])
  for (const server of servers) await server.close()
})

it('makes the requests of all workers to an API one after the other, with the pause between them', async () => {
  const { Api } = await load('api.ts')
  Api.everyMs = 20
  const test = testActors({ actors: { Api } })
  onTestFinished(() => test.close())
  const api = test.get('Api', 'account-1') as unknown as {
    request(path: string): Promise<{ path: string; atMs: number }>
  }
  const answers = await Promise.all(['/a', '/b', '/c'].map((path) => api.request(path)))
  expect(answers.map(({ path }) => path)).toEqual(['/a', '/b', '/c'])
  const times = answers.map(({ atMs }) => atMs)
  for (const [i, time] of times.slice(1).entries()) expect(time - (times[i] as number)).toBeGreaterThanOrEqual(19)
})

it('keeps the session of a user over the death of its worker, until it ends', async () => {
  const { Session } = await load('sessions.ts')
  const test = testActors({ actors: { Session } })
  onTestFinished(() => test.close())
  const session = test.get('Session', 'ada') as unknown as {
    add(item: string): Promise<number>
    cart(): Promise<string[]>
    end(): Promise<void>
  }
  expect([await session.add('book'), await session.add('pen')]).toEqual([1, 2])
  test.kill()
  await test.restart()
  expect(await session.cart()).toEqual(['book', 'pen'])
  await session.end()
  expect(await session.cart()).toEqual([])
})
