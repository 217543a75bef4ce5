import { messagePeer, sendPaced } from './messages.js'
import type { Host, Parameters, Trial } from './trial.js'
import { memoryBytes, pidsOf, sharedBytes } from './usage.js'

const messageBytes = 64

const parametersOf = (label: string, isFleet: number): Parameters => ({
  label,
  values: { messageBytes, readers: 4, isFleet },
  ...{ publishers: 1, subscribers: 4, messageBytes, burst: 1000 },
})
const parameters = [parametersOf('a peer of 5', 0), parametersOf('all of 5 peers', 1)]

async function collect({ publishers, subscribers }: Host): Promise<void> {
  globalThis.gc?.()
  for (const peer of [...publishers, ...subscribers]) await peer.collect()
}

async function visit(host: Host): Promise<number[]> {
  await sendPaced(host, { count: 1000, atOnce: 100, gapMs: 1 })
  await collect(host)
  const memory = new Map(pidsOf(host).map((pid) => [pid, memoryBytes(pid)]))
  if (host.parameters.values['isFleet'] === 1) {
    return [[...memory.values()].reduce((sum, { own }) => sum + own, sharedBytes(host.name))]
  }
  const peers = [...host.publishers, ...host.subscribers].map(({ pid }) => pid)
  // Threads share the memory of one process evenly, as far as anybody can tell.
  const parts = host.driver.peers === 'threads' ? peers.length : 1
  return peers.map((pid) => {
    const { own = 0, shared = 0 } = memory.get(pid) ?? {}
    return (own + shared) / parts
  })
}

const trial: Trial = {
  name: 'memory',
  measures:
    'memory (proportional set size, without the pages of Node.js itself) when a publisher and 4 subscribers have ' +
    'exchanged 1,000 messages of 64 B and collected their garbage; of all: with their parent, the server and shared memory',
  unit: 'bytes',
  better: 'lower',
  needs: 'messages',
  full: { parameters, rounds: 3, visitMs: 50 },
  quick: { parameters: parameters.slice(1), rounds: 1, visitMs: 50 },
  async host(host) {
    await host.open()
    return () => visit(host)
  },
  peer: messagePeer('count'),
}

export default trial
