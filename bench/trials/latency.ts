import { messagePeer, sendPaced } from './messages.js'
import type { Parameters, Plan, Trial } from './trial.js'

/** Idle: the subscriber sleeps before each; busy: 20,000 a second, for a third of a visit. */
const paces = { idle: { atOnce: 1, gapMs: 1 }, busy: { atOnce: 20, gapMs: 1 } }

const parametersOf = (pace: keyof typeof paces): Parameters => ({
  label: pace,
  values: { ...paces[pace], messageBytes: 64 },
  ...{ publishers: 1, subscribers: 1, messageBytes: 64, burst: 10_000 },
})

const planOf = (rounds: number, visitMs: number): Plan => ({
  parameters: [parametersOf('idle'), parametersOf('busy')],
  ...{ rounds, visitMs },
})

const trial: Trial = {
  name: 'latency',
  measures:
    'one way, from before publish is called to the subscriber’s callback; 64 B; idle: one a millisecond; ' +
    'busy: 20 at once each millisecond',
  unit: 'ns',
  better: 'lower',
  needs: 'messages',
  full: planOf(8, 650),
  quick: planOf(2, 100),
  async host(host) {
    await host.open()
    const { atOnce = 1, gapMs = 1 } = host.parameters.values
    const times = host.visitMs / gapMs / (atOnce === 1 ? 1 : 3)
    const paced = { atOnce, gapMs, count: Math.ceil(times) * atOnce }
    return async () => (await sendPaced(host, paced)).flatMap(({ lateness }) => lateness)
  },
  peer: messagePeer('lateness'),
}

export default trial
