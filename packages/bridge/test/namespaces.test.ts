// A host in a network namespace of its own, and a link that is really down for a while.
import { spawnSync } from 'node:child_process'
import { Fleet, OrbitEventBus } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
import { start } from '../../../test/help/processes.js'
import { canRun } from '../../../test/help/system.js'
import { bridge } from '../src/index.js'
import { startHost, take, until } from './help/hosts.js'
import { hasNats, NatsServer } from './help/nats.js'

const space = `orbit-${process.pid}`
const [near, far] = [`ob${process.pid % 1e6}a`, `ob${process.pid % 1e6}b`]
const net = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 256}`

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}

/** Whether this process may make network namespaces: it needs iproute2, and to be root. */
function canMakeSpaces(): boolean {
  const isMade = canRun('ip', 'netns', 'add', space)
  return isMade && canRun('ip', 'netns', 'del', space)
}

/** A namespace with an address, which a link connects with that of this process. */
function makeSpace(): { server: string; setLink(state: 'up' | 'down'): void } {
  ip('netns', 'add', space)
  onTestFinished(() => ip('netns', 'del', space)) // its end of the link goes with it, and so does the other end
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', space)
  ip('addr', 'add', `${net}.1/30`, 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', space, 'addr', 'add', `${net}.2/30`, 'dev', far)
  const setLink = (state: 'up' | 'down') => ip('-n', space, 'link', 'set', far, state)
  setLink('up')
  return { server: `${net}.1`, setLink }
}

describe.skipIf(!hasNats || !canMakeSpaces())('a host in a network namespace (needs iproute2 and root)', () => {
  it('gets each stored event once, and counts each live one that it lost, after its link was down', async () => {
    const { server, setLink } = makeSpace()
    const { port } = await NatsServer.start(['-a', server])
    const events = [{ topics: ['stored'], delivery: 'stored' as const }, { topics: ['live'] }]
    const options = { servers: `${server}:${port}`, events }
    const a = startHost('a', options)
    const name = fleetName('bridge-b')
    const fleet = Fleet.joinShm(name)
    const bus = new OrbitEventBus(fleet, { capacity: 4096 })
    const b = bridge(fleet, { ...options, host: 'b', offer: false })
    onTestFinished(async () => {
      await b.close()
      fleet.close()
    })
    const nats = { pingInterval: 100, maxPingOut: 2, timeout: 300 }
    const worker = start(
      '../../packages/bridge/test/fixtures/worker.mjs',
      [name, 'b', options.servers, { events, nats }],
      {
        through: ['ip', 'netns', 'exec', space],
      },
    )
    await worker.next()
    await Promise.all([a.bridge, b].map((each) => each.ready({ timeoutMs: 60_000 })))
    a.bus.publish('stored', '0')
    a.bus.publish('live', '0')
    await take(bus, 'stored', 1)
    await take(bus, 'live', 1)
    setLink('down')
    for (let i = 1; i <= 200; i++) {
      a.bus.publish('stored', `${i}`)
      a.bus.publish('live', `${i}`)
      bus.publish('stored', `${i}`)
    }
    await a.bridge.flush()
    await until(() => !b.stats().connected)
    setLink('up')
    const each = (host: string, count: number) => Array.from({ length: count }, (_, i) => `${host} stored ${i}`)
    const ofOthers = async (of: OrbitEventBus, host: string, count: number) => {
      const taken = await take(of, 'stored', count)
      return taken.filter((text) => text.startsWith(host))
    }
    // Each bus has the 200 events of its own host too.
    expect(await ofOthers(bus, 'a', 401)).toEqual(each('a', 201))
    expect(await ofOthers(a.bus, 'b', 401)).toEqual(each('b', 201).slice(1))
    const live = () => b.stats().routes['live']
    await until(() => (live()?.received ?? 0) + (live()?.lost['a'] ?? 0) === 201)
  })
})
