import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { bytesOf, textOf } from './ascii.js'
import type { Closable, Driver, HostPeer, Peer, Place, Publisher } from './driver.js'

const wantPorts = 'ports, please'

/** A channel for each pair; each peer gets its ends of them when it asks. */
function host(peers: readonly HostPeer[]): Closable {
  const ports = new Map<HostPeer, MessagePort[]>(peers.map((peer) => [peer, []]))
  for (const publisher of peers.filter(({ role }) => role === 'publisher')) {
    for (const subscriber of peers.filter(({ role }) => role === 'subscriber')) {
      const { port1, port2 } = new MessageChannel()
      ports.get(publisher)?.push(port1)
      ports.get(subscriber)?.push(port2)
    }
  }
  const ends = [...ports].map(([peer, its]) =>
    peer.onMessage((message) => {
      if (message === wantPorts) peer.post(its, its)
    }),
  )
  return {
    close() {
      for (const end of ends) end()
    },
  }
}

function askForPorts(peer: Peer): Promise<MessagePort[]> {
  return new Promise((resolve) => {
    const end = peer.onMessage((message) => {
      end()
      resolve(message as MessagePort[])
    })
    peer.post(wantPorts)
  })
}

const closer = (ports: readonly MessagePort[]) => () => {
  for (const port of ports) port.close()
}

async function subscribe(_: Place, hear: (message: Uint8Array) => void, peer: Peer): Promise<Closable> {
  const ports = await askForPorts(peer)
  for (const port of ports) port.on('message', (text) => hear(bytesOf(text)))
  return { close: closer(ports) }
}

async function publisher(_: Place, peer: Peer): Promise<Publisher> {
  const ports = await askForPorts(peer)
  return {
    publish(message) {
      const text = textOf(message)
      for (const port of ports) port.postMessage(text)
    },
    close: closer(ports),
  }
}

export const port: Driver = {
  name: 'MessagePort',
  settings: 'a channel for each pair of threads; text, which is cloned faster than bytes',
  peers: 'threads',
  version: () => `node ${process.versions.node}`,
  lacks: async () => undefined,
  messages: { host, subscribe, publisher },
}
