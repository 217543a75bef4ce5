import { burstOf, burstVisit, messagePeer } from './messages.js'
import type { Parameters, Trial } from './trial.js'

const parametersOf = (messageBytes: number, readers: number): Parameters => ({
  label: `${messageBytes} B, ${readers} ${readers === 1 ? 'reader' : 'readers'}`,
  values: { messageBytes, readers },
  ...{ publishers: 1, subscribers: readers, messageBytes, burst: burstOf(messageBytes) },
})

const grid = (sizes: number[], readers: number[]): Parameters[] =>
  readers.flatMap((count) => sizes.map((bytes) => parametersOf(bytes, count)))

const trial: Trial = {
  name: 'throughput',
  measures:
    'messages a second from one publisher to each of so many subscribers: bursts of up to 10,000 messages and 8 MiB, ' +
    'fewer with those who need longer, from the first publish until the last subscriber has heard the last; all counted',
  unit: 'per second',
  better: 'higher',
  needs: 'messages',
  full: { parameters: grid([16, 64, 256, 1024, 4096], [1, 2, 4, 8, 16]), rounds: 4, visitMs: 100 },
  quick: { parameters: grid([64], [4]), rounds: 2, visitMs: 60 },
  async host(host) {
    await host.open()
    return burstVisit(host)
  },
  peer: messagePeer('count'),
}

export default trial
