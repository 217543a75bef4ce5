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

/** By process. */
const measure = (host: Host) => new Map(pidsOf(host).map((pid) => [pid, memoryBytes(pid)]))

/** What a driver costs beyond what stood there before anything of it was loaded. */
async function visit(host: Host, bare: ReturnType<typeof measure>): Promise<number[]> {
  await sendPaced(host, { count: 1000, atOnce: 100, gapMs: 1 })
  await collect(host)
  const now = measure(host)
  const grown = (pid: number, withShared: boolean) => {
    // Nothing of a server stood there without the driver.
    const before = pid === host.serverPid ? undefined : bare.get(pid)
    const { own = 0, shared = 0 } = now.get(pid) ?? {}
    return own - (before?.own ?? 0) + (withShared ? shared - (before?.shared ?? 0) : 0)
  }
  if (host.parameters.values['isFleet'] === 1) {
    return [[...now.keys()].reduce((sum, pid) => sum + grown(pid, false), sharedBytes(host.name))]
  }
  const peers = [...host.publishers, ...host.subscribers].map(({ pid }) => pid)
  // Threads share the memory of one process evenly, as far as anybody can tell.
  return peers.map((pid) => grown(pid, true) / (host.driver.peers === 'threads' ? peers.length : 1))
}

const trial: Trial = {
  name: 'memory',
  measures:
    'memory (proportional set size) beyond that of peers that have loaded nothing, when a publisher and 4 subscribers ' +
    'are connected and have exchanged 1,000 messages of 64 B; of all: with their parent, the server and shared memory',
  unit: 'bytes',
  better: 'lower',
  needs: 'messages',
  full: { parameters, rounds: 3, visitMs: 50 },
  quick: { parameters: parameters.slice(1), rounds: 1, visitMs: 50 },
  async host(host) {
    await collect(host)
    const bare = measure(host)
    await host.open()
    return () => visit(host, bare)
  },
  peer: messagePeer('count'),
}

export default trial
