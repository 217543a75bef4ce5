import type { Driver, HostPeer } from './driver.js'

/** The message says of what sort it is, as a ring's KIND does: one channel carries them all. */
interface Sent {
  readonly sort: 'message'
  readonly body: string | Uint8Array
}

const isSent = (message: unknown): message is Sent => (message as Sent).sort === 'message'

/** The primary passes what a worker sends on to each worker that wants it. */
function passOn(peers: readonly HostPeer[]): { close(): void } {
  const subscribers = peers.filter(({ role }) => role === 'subscriber')
  const ends = peers
    .filter(({ role }) => role === 'publisher')
    .map((publisher) =>
      publisher.onMessage((message) => {
        for (const subscriber of subscribers) subscriber.post(message)
      }),
    )
  return {
    close() {
      for (const end of ends) end()
    },
  }
}

const driverOf = (
  serialization: 'json' | 'advanced',
  settings: string,
  carry: { pack(message: Uint8Array): Sent['body']; unpack(body: Sent['body']): Uint8Array },
): Driver => ({
  name: `process.send, ${serialization}`,
  settings: `${settings}, from worker to primary to each worker`,
  peers: 'processes',
  serialization,
  version: () => `Node.js ${process.version}`,
  lacks: async () => undefined,
  messages: {
    host: passOn,
    async subscribe(_place, hear, peer) {
      const close = peer.onMessage((message) => {
        if (isSent(message)) hear(carry.unpack(message.body))
      })
      return { close }
    },
    async publisher(_place, peer) {
      return {
        publish: (message) => peer.post({ sort: 'message', body: carry.pack(message) } satisfies Sent),
        close() {},
      }
    },
  },
})

const asText = {
  pack: (message: Uint8Array) => Buffer.from(message.buffer, message.byteOffset, message.length).toString('latin1'),
  unpack: (body: Sent['body']) => Buffer.from(body as string, 'latin1'),
}
const asBytes = {
  pack: (message: Uint8Array) => message,
  unpack: (body: Sent['body']) => body as Uint8Array,
}

export const sendJson = driverOf('json', 'text in an object', asText)
export const sendAdvanced = driverOf('advanced', "bytes in an object, serialization: 'advanced'", asBytes)
