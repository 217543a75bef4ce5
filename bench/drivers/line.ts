// Drivers that Node.js brings with its processes and threads: process.send, MessagePort and BroadcastChannel.

import { BroadcastChannel, MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Line } from '../line.js'
import { builtIn, bytesOf, type Driver, type HostLine, type Messages, textOf } from './driver.js'

/** The message says of what sort it is, as a ring's KIND does: one line carries them all. */
interface Sent {
  readonly sort: 'message'
  readonly body: string | Uint8Array
}

const isSent = (message: unknown): message is Sent => (message as Sent).sort === 'message'

const having = (peers: readonly HostLine[], role: HostLine['role']) => peers.filter((peer) => peer.role === role)

/** Ends what listens to peers. */
const closable = (ends: readonly (() => void)[]) => ({
  close() {
    for (const end of ends) end()
  },
})

const send = (serialization: 'json' | 'advanced', settings: string): Driver => ({
  ...builtIn,
  name: `process.send, ${serialization}`,
  settings: `${settings}, from worker to primary to each worker`,
  peers: 'processes',
  serialization,
  messages: {
    /** The primary passes what a worker sends on to each worker that wants it. */
    host(peers) {
      const passOn = (message: unknown) => {
        for (const subscriber of having(peers, 'subscriber')) subscriber.post(message)
      }
      return closable(having(peers, 'publisher').map((publisher) => publisher.onMessage(passOn)))
    },
    async subscribe(_place, hear, line) {
      const close = line.onMessage((message) => {
        if (isSent(message)) hear(typeof message.body === 'string' ? bytesOf(message.body) : message.body)
      })
      return { close }
    },
    async publisher(_place, line) {
      const isText = serialization === 'json'
      return {
        publish: (message) => line.post({ sort: 'message', body: isText ? textOf(message) : message } satisfies Sent),
        close() {},
      }
    },
  },
})

export const sendJson = send('json', 'text in an object')
export const sendAdvanced = send('advanced', "bytes in an object, serialization: 'advanced'")

const wantPorts = 'ports'

function askForPorts(line: Line): Promise<MessagePort[]> {
  return new Promise((resolve) => {
    const end = line.onMessage((message) => {
      end()
      resolve(message as MessagePort[])
    })
    line.post(wantPorts)
  })
}

const closePorts = (ports: readonly MessagePort[]) => closable(ports.map((port) => () => port.close()))

const ports: Messages = {
  /** Makes a channel for each pair; each peer gets its ends of them when it asks. */
  host(peers) {
    const ends = new Map<HostLine, MessagePort[]>(peers.map((peer) => [peer, []]))
    for (const publisher of having(peers, 'publisher')) {
      for (const subscriber of having(peers, 'subscriber')) {
        const { port1, port2 } = new MessageChannel()
        ends.get(publisher)?.push(port1)
        ends.get(subscriber)?.push(port2)
      }
    }
    const answer = ([peer, its]: readonly [HostLine, MessagePort[]]) =>
      peer.onMessage((message) => {
        if (message === wantPorts) peer.post(its, its)
      })
    return closable([...ends].map(answer))
  },
  async subscribe(_place, hear, line) {
    const ports = await askForPorts(line)
    for (const port of ports) port.on('message', (text) => hear(bytesOf(text)))
    return closePorts(ports)
  },
  async publisher(_place, line) {
    const ports = await askForPorts(line)
    return {
      publish(message) {
        const text = textOf(message)
        for (const port of ports) port.postMessage(text)
      },
      ...closePorts(ports),
    }
  },
}

export const port: Driver = {
  ...builtIn,
  name: 'MessagePort',
  settings: 'a channel for each pair of threads; text, which is cloned faster than bytes',
  peers: 'threads',
  messages: ports,
}

export const broadcast: Driver = {
  ...builtIn,
  name: 'BroadcastChannel',
  settings: 'a channel for each publisher; text, which is cloned faster than bytes',
  peers: 'threads',
  messages: {
    async subscribe({ name, publishers }, hear) {
      const channels = Array.from({ length: publishers }, (_, i) => new BroadcastChannel(`${name}/${i}`))
      for (const channel of channels) channel.onmessage = (event) => hear(bytesOf((event as MessageEvent).data))
      return closable(channels.map((channel) => () => channel.close()))
    },
    async publisher({ name, index }) {
      const channel = new BroadcastChannel(`${name}/${index}`)
      return { publish: (message) => channel.postMessage(textOf(message)), close: () => channel.close() }
    },
  },
}
