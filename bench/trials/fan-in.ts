import { burstOf, burstVisit, messagePeer } from './messages.js'
import type { Parameters, Trial } from './trial.js'

const messageBytes = 64

const parametersOf = (writers: number): Parameters => ({
  label: `${writers} ${writers === 1 ? 'writer' : 'writers'}`,
  values: { messageBytes, writers },
  ...{ publishers: writers, subscribers: 1, messageBytes, burst: writers * burstOf(messageBytes) },
})

const trial: Trial = {
  name: 'fan-in',
  measures:
    'messages a second from so many publishers at once to one subscriber; 64 B; bursts of up to 10,000 each, fewer with ' +
    'those who need longer, from the first publish until the last message is heard; all counted',
  unit: 'per second',
  better: 'higher',
  needs: 'messages',
  full: { parameters: [1, 2, 4, 8].map(parametersOf), rounds: 5, visitMs: 150 },
  quick: { parameters: [parametersOf(4)], rounds: 2, visitMs: 60 },
  async host(host) {
    await host.open()
    return burstVisit(host)
  },
  peer: messagePeer('count'),
}

export default trial
