// Drivers that Node.js brings with its processes and threads: process.send, MessagePort and BroadcastChannel.

import { BroadcastChannel, MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Line } from '../line.js'
import {
  answerTo,
  builtIn,
  bytesOf,
  type Driver,
  type HostLine,
  type Messages,
  type Question,
  type Requests,
  textOf,
  Unanswered,
} from './driver.js'

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

/** Bytes as text where that is faster or the only way. */
const sentAs = (question: Question, isText: boolean) =>
  isText && question instanceof Uint8Array ? textOf(question) : question

interface Asked {
  readonly question: Question | string
}
interface Replied {
  readonly replied: unknown
}

const isAsked = (message: unknown): message is Asked => typeof message === 'object' && 'question' in (message as object)
const isReplied = (message: unknown): message is Replied =>
  typeof message === 'object' && 'replied' in (message as object)

/** Answers what comes on a line. */
const answerOn = (line: Line) =>
  line.onMessage((message) => {
    if (isAsked(message)) line.post({ replied: answerTo(message.question) })
  })

function askerOn(line: Line, isText: boolean) {
  const unanswered = new Unanswered()
  const close = line.onMessage((message) => {
    if (isReplied(message)) unanswered.answered(message.replied)
  })
  return {
    ask: (question: Question) => unanswered.ask(() => line.post({ question: sentAs(question, isText) })),
    close: () => void close(),
  }
}

/** From a worker through the primary to another worker, and back; or to the primary, which answers. */
const requestsBySend = (isText: boolean, throughPrimary: boolean): Requests => ({
  host(peers) {
    const [askers, answerers] = [having(peers, 'publisher'), having(peers, 'subscriber')]
    if (!throughPrimary) return closable(askers.map(answerOn))
    const passOn = (from: readonly HostLine[], to: readonly HostLine[]) =>
      from.map((peer) => peer.onMessage((message) => to[0]?.post(message)))
    return closable([...passOn(askers, answerers), ...passOn(answerers, askers)])
  },
  async answer(_place, line) {
    const close = answerOn(line)
    return { close: () => void close() }
  },
  asker: async (_place, line) => askerOn(line, isText),
})

const send = (serialization: 'json' | 'advanced', settings: string): Driver => ({
  ...builtIn,
  name: `process.send, ${serialization}`,
  settings: `${settings}, from worker to primary to each worker`,
  peers: 'processes',
  serialization,
  requests: requestsBySend(serialization === 'json', true),
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

const sendToPrimary = (serialization: 'json' | 'advanced'): Driver => ({
  ...builtIn,
  name: `process.send to the primary, ${serialization}`,
  settings: 'a question to the primary, which answers it: one way is one message, not two',
  peers: 'processes',
  serialization,
  requests: requestsBySend(serialization === 'json', false),
})

export const sendToPrimaryJson = sendToPrimary('json')
export const sendToPrimaryAdvanced = sendToPrimary('advanced')

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

const requestsByPort: Requests = {
  ...(ports.host && { host: ports.host }),
  async answer(_place, line) {
    const ports = await askForPorts(line)
    for (const port of ports) port.on('message', (question) => port.postMessage(answerTo(question)))
    return closePorts(ports)
  },
  async asker(_place, line) {
    const [port] = (await askForPorts(line)) as [MessagePort]
    const unanswered = new Unanswered()
    port.on('message', (answer) => unanswered.answered(answer))
    return {
      ask: (question) => unanswered.ask(() => port.postMessage(sentAs(question, true))),
      ...closePorts([port]),
    }
  },
}

export const port: Driver = {
  ...builtIn,
  name: 'MessagePort',
  settings: 'a channel for each pair of threads; text, which is cloned faster than bytes',
  peers: 'threads',
  messages: ports,
  requests: requestsByPort,
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
