import { messagePeer, sendPaced } from './messages.js'
import type { Host, Parameters, Plan, Trial } from './trial.js'
import { pidsOf, processorNs } from './usage.js'

const messageBytes = 64
/** Both 10,000 a second. */
const paces = { steady: { atOnce: 10, gapMs: 1 }, 'in bursts': { atOnce: 500, gapMs: 50 } }

const parametersOf = (pace: keyof typeof paces, readers: number): Parameters => ({
  label: `${pace}, ${readers} ${readers === 1 ? 'reader' : 'readers'}`,
  values: { ...paces[pace], messageBytes, readers },
  ...{ publishers: 1, subscribers: readers, messageBytes, burst: 10_000 },
})

const planOf = (parameters: Parameters[], rounds: number, visitMs: number): Plan => ({
  parameters,
  ...{ rounds, visitMs },
})

const usedNs = (host: Host) => pidsOf(host).reduce((sum, pid) => sum + processorNs(pid), 0)

const trial: Trial = {
  name: 'cpu',
  measures:
    'processor time for a million events of 64 B, of the publisher, the subscribers, their parent and the server together; ' +
    '10,000 a second, 10 each millisecond or 500 each 50; the publisher’s timer and the making of messages included',
  unit: 'seconds',
  better: 'lower',
  needs: 'messages',
  full: planOf(
    [1, 4].flatMap((readers) => [parametersOf('steady', readers), parametersOf('in bursts', readers)]),
    4,
    400,
  ),
  quick: planOf([parametersOf('in bursts', 4)], 1, 100),
  async host(host) {
    await host.open()
    const { atOnce = 1, gapMs = 1 } = host.parameters.values
    const count = Math.ceil(host.visitMs / gapMs) * atOnce
    return async () => {
      const before = usedNs(host)
      await sendPaced(host, { atOnce, gapMs, count })
      return [(usedNs(host) - before) / 1e9 / (count / 1e6)]
    }
  },
  peer: messagePeer('count'),
}

export default trial
