// The servers of docs/recipes/frameworks.md, with the real frameworks.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isLinux } from '../help/system.js'
import { type Running, runProgram } from './program.js'
import { unpack } from './recipe.js'

const portOf = async (server: Running): Promise<string> => `${(await server.heard(/listens.*port: (\d+)/))[1]}`

const get = async (port: string, id: string) =>
  (await (await fetch(`http://localhost:${port}/products/${id}`)).json()) as { node: number }

describe.runIf(isLinux).each(['express.ts', 'fastify.ts'])('the server in %s', (file) => {
  it('shares products with another process, and leaves the fleet on SIGTERM', async () => {
    const { main, start } = runProgram('frameworks', { run: [file], env: { PORT: '0' } })
    const other = start(file)
    const [port, otherPort] = [await portOf(main), await portOf(other)]
    expect(await get(port, '7')).toMatchObject({ name: 'product 7', price: 17 })
    const nodes = [await get(port, '7'), await get(otherPort, '7')].map(({ node }) => node)
    expect(nodes.sort()).toEqual([0, 1])
    const deleted = await fetch(`http://localhost:${port}/products/7`, { method: 'DELETE' })
    expect(deleted.status).toBe(204)

    main.process.kill('SIGTERM')
    expect(await main.ended, main.lines.join('\n')).toBe(0)
    expect(await get(otherPort, '7')).toMatchObject({ price: 17, node: expect.any(Number) })
    other.process.kill('SIGTERM')
    expect(await other.ended, other.lines.join('\n')).toBe(0)
  })
})

describe('the modules of docs/recipes/frameworks.md', () => {
  const load = async (folder: string, file: string) => import(pathToFileURL(join(folder, file)).href)

  it('give the service of Nest a handle that it closes', async () => {
    const folder = unpack('frameworks')
    const { FleetService } = await load(folder, 'fleetservice.ts')
    const service = new FleetService()
    service.bus.publish('topic', 'text')
    service.onApplicationShutdown()
    expect(service.fleet.closed).toBe(true)
  })

  it('answer a request as a route of Next.js', async () => {
    const folder = unpack('frameworks')
    const { GET } = await load(folder, 'route.ts')
    const { fleet } = await load(folder, 'fleet.ts')
    onTestFinished(() => fleet.close())
    const response = await GET(new Request('http://localhost/products/8'), { params: Promise.resolve({ id: '8' }) })
    expect(await response.json()).toEqual({ name: 'product 8', price: 17, node: fleet.node })
  })
})
