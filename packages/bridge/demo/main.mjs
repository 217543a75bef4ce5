// npm run demo:bridge [-- SECONDS]: two hosts as two fleets of this machine, with three workers each and a nats-server
// between them. The process that holds the bridge of one host is killed, and then the server, which starts again.

import { spawn } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bridge } from 'orbit-bridge'
import { codecs, Fleet, OrbitEventBus } from 'orbit-node'

const [hosts, workers] = [['berlin', 'lisbon'], 3]
const seconds = Number(process.argv[2] ?? 8)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const servers = `127.0.0.1:${20_000 + ((cluster.isPrimary ? process.pid : process.ppid) % 20_000)}`
const fleetOf = (host) => `demo-bridge-${host}-${cluster.isPrimary ? process.pid : process.ppid}`
const options = (host) => ({ servers, host, events: [{ topics: ['order.*'], delivery: 'stored' }] })

async function work() {
  const host = process.env.DEMO_HOST
  const fleet = Fleet.joinShm(fleetOf(host))
  const link = bridge(fleet, options(host))
  const prices = link.cache({ codec: codecs.json(), namespace: 'prices' })
  const bus = new OrbitEventBus(fleet, { capacity: 8192, payloadBytes: 256 })
  await link.ready({ timeoutMs: 30_000 })
  process.send({ ready: true })
  await once(process, 'message') // all others are ready too
  const isFirst = Number(process.env.DEMO_WORKER) === 0
  let isOver = false
  process.once('message', () => {
    isOver = true
  })
  let tokens = 0
  const sell = async () => {
    for (let n = 0; !isOver; n++) {
      if (isFirst) bus.publishJson('order.paid', { n })
      await prices.getOrSet('tea', () => `price of ${host}`, { ttlMs: 60_000 })
      await pause(5)
    }
  }
  // One worker of both hosts at a time.
  const invoice = async () => {
    while (!isOver) {
      const guard = await link
        .contest()
        .claim('invoices', { ttlMs: 2000, timeoutMs: 500 })
        .catch(() => undefined)
      if (guard !== undefined) tokens++
      await pause(20)
      await guard?.release()
    }
  }
  await Promise.all([sell(), invoice()])
  process.send({ tokens })
  await once(process, 'message')
  await link.close()
  fleet.close()
  cluster.worker.disconnect()
}

/** What came from the other host, in order. */
function follow(host, arrived) {
  const fleet = Fleet.joinShm(fleetOf(host))
  const bus = new OrbitEventBus(fleet, { capacity: 8192, payloadBytes: 256 })
  const link = bridge(fleet, { ...options(host), offer: false })
  const events = bus.subscribe('order.paid')
  const work = (async () => {
    for await (const event of events) {
      if (event.origin === undefined) continue
      const { n } = event.json()
      if (n !== arrived[host]) console.log(`${host}: order ${n} came, and ${arrived[host]} was expected`)
      arrived[host] = n + 1
    }
  })()
  const close = async () => {
    events.close()
    await work
    await link.close()
    fleet.close()
    Fleet.remove(fleetOf(host), { force: true })
  }
  return { link, close }
}

async function play() {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-demo-'))
  const args = ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', servers.split(':')[1]]
  const startServer = () => spawn('nats-server', args, { stdio: 'ignore' })
  let server = startServer()
  const begunMs = performance.now()
  const print = (text) => console.log(`${((performance.now() - begunMs) / 1000).toFixed(2).padStart(5)} s  ${text}`)
  const arrived = Object.fromEntries(hosts.map((host) => [host, 0]))
  const views = Object.fromEntries(hosts.map((host) => [host, follow(host, arrived)]))
  const crew = hosts.flatMap((host) =>
    Array.from({ length: workers }, (_, i) => cluster.fork({ DEMO_HOST: host, DEMO_WORKER: String(i) })),
  )
  const locks = []
  for (const each of crew) each.on('message', ({ tokens }) => tokens !== undefined && locks.push(tokens))
  await Promise.all(crew.map((each) => once(each, 'message')))
  const tell = () => Object.values(cluster.workers).map((each) => each.send('go on'))
  tell()
  const table = async (link) => {
    for (const { host, pid, clockOffsetMs } of await link.hosts()) {
      print(`host ${host}: pid ${pid} holds its bridge; its clock differs by ${clockOffsetMs} ms`)
    }
  }
  const { link } = views[hosts[0]]
  await pause((seconds * 1000) / 4)
  await table(link)
  const { pid } = views[hosts[1]].link.stats()
  print(`pid ${pid}, which holds the bridge of ${hosts[1]}, is killed`)
  process.kill(pid, 'SIGKILL')
  while ([undefined, pid].includes(views[hosts[1]].link.stats().pid)) await pause(5)
  print(`pid ${views[hosts[1]].link.stats().pid} has taken it over`)
  await pause((seconds * 1000) / 4)
  server.kill('SIGKILL')
  print('the server is killed; orders wait in shared memory')
  await pause((seconds * 1000) / 4)
  server = startServer()
  print('the server starts again')
  await pause((seconds * 1000) / 4)
  const counted = Object.values(cluster.workers).map((each) => once(each, 'message'))
  tell() // they stop
  await Promise.all(counted)
  for (const { link } of Object.values(views)) await link.flush({ timeoutMs: 10_000 })
  await pause(500)
  for (const host of hosts) {
    const { sent, received, lost, duplicates } = views[host].link.stats().routes.stored
    print(
      `${host}: ${sent} orders sent; ${received} received, ${duplicates} came twice and were dropped, lost: ${JSON.stringify(lost)}`,
    )
  }
  const ended = Object.values(cluster.workers).map((each) => once(each, 'exit'))
  tell() // they leave
  await Promise.all(ended)
  print(
    `the lock was held ${locks.reduce((sum, count) => sum + count, 0)} times, by one worker of both hosts at a time`,
  )
  for (const { close } of Object.values(views)) await close()
  server.kill('SIGKILL')
  await once(server, 'exit')
  rmSync(folder, { recursive: true, force: true })
}

if (cluster.isPrimary) await play()
else await work()
