// A process of the bench: host.ts ROLE FLEET SERVER SOCKET. ROLE is one of
//   hub     holds the bridge of its host, and does nothing else
//   single  holds the bridge of its host, and answers too: the only process of its host, in a cluster of its own
//   echo    answers events of 'ping' with 'pong', and counts those of 'load', beside a hub
//   nats    does the same with messages of bare NATS
//   relay   passes bytes between a Unix socket and NATS: what a hub would do if it did nothing else
//   bounce  sends back what comes from the socket of a relay
import { createConnection, createServer, type Socket } from 'node:net'
import { connect } from '@nats-io/transport-node'
import { bridge } from 'orbit-bridge'
import { Fleet, type OrbitEvent, OrbitEventBus } from 'orbit-node'
import { mark, tellTrace, traceBridge } from './trace.js'

const [role, name, servers, socket] = process.argv.slice(2) as [string, string, string, string]

function startHub(cluster = 'default'): void {
  traceBridge()
  const fleet = Fleet.joinShm(name)
  new OrbitEventBus(fleet, { capacity: 65_536, payloadBytes: 512 })
  bridge(fleet, { servers, host: name, cluster, events: [{ topics: ['bench.>'] }] })
}

function echo(): void {
  const bus = new OrbitEventBus(Fleet.joinShm(name))
  let count = 0
  const hear = ({ topic, payload }: OrbitEvent) => {
    if (topic === 'bench.out.ping') {
      mark('heard')
      bus.publish('bench.back.pong', payload)
    } else if (topic === 'bench.out.load') count++
    else if (topic === 'bench.out.end') {
      bus.publish('bench.back.done', `${count}`)
      count = 0
    }
  }
  bus.cursor('head').listen(({ events }) => events.forEach(hear), { pattern: 'bench.out.*' })
  process.send?.('ready')
}

async function echoNats(): Promise<void> {
  const connection = await connect({ servers })
  let count = 0
  connection.subscribe('bench.out.ping', {
    callback: (_, { data }) => {
      connection.publish('bench.back.pong', data)
    },
  })
  connection.subscribe('bench.out.load', {
    callback: () => {
      count++
    },
  })
  connection.subscribe('bench.out.end', {
    callback: () => {
      connection.publish('bench.back.done', `${count}`)
      count = 0
    },
  })
  await connection.flush()
}

/** @param to the name of the relay on the other host */
async function relay(to: string): Promise<void> {
  const connection = await connect({ servers })
  let peer: Socket | undefined
  connection.subscribe(`relay.${name}`, {
    callback: (_, { data }) => {
      peer?.write(data)
    },
  })
  await connection.flush()
  const server = createServer((accepted) => {
    peer = accepted.on('data', (bytes) => connection.publish(`relay.${to}`, bytes))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
}

function bounce(): void {
  const connection = createConnection(socket)
  connection.on('data', (bytes) => connection.write(bytes))
}

async function main(): Promise<void> {
  if (role === 'hub' || role === 'echo') tellTrace()
  if (role === 'hub') startHub()
  else if (role === 'single') startHub(role)
  if (role === 'echo' || role === 'single') return echo()
  if (role === 'nats') await echoNats()
  else if (role === 'relay') await relay(name === 'near' ? 'far' : 'near')
  else if (role === 'bounce') bounce()
  process.send?.('ready')
}

void main()
