import { messagePeer, sendPaced } from './messages.js'
import type { Parameters, Trial } from './trial.js'

const messageBytes = 64
/** Long enough for all to have heard, and to sleep again. */
const gapMs = 4

const parametersOf = (sleepers: number): Parameters => ({
  label: `${sleepers} ${sleepers === 1 ? 'sleeper' : 'sleepers'}`,
  values: { messageBytes, sleepers },
  ...{ publishers: 1, subscribers: sleepers, messageBytes, burst: 1000 },
})

const trial: Trial = {
  name: 'fan-out',
  measures: `one event of 64 B to so many sleeping subscribers, ${gapMs} ms apart: from before publish is called until the last has it`,
  unit: 'ns',
  better: 'lower',
  needs: 'messages',
  full: { parameters: [1, 4, 16].map(parametersOf), rounds: 6, visitMs: 250 },
  quick: { parameters: [parametersOf(4)], rounds: 2, visitMs: 60 },
  async host(host) {
    await host.open()
    const count = Math.ceil(host.visitMs / gapMs)
    return async () => {
      const heard = await sendPaced(host, { count, atOnce: 1, gapMs })
      return Array.from({ length: count }, (_, i) => Math.max(...heard.map(({ lateness }) => lateness[i] as number)))
    }
  },
  peer: messagePeer('lateness'),
}

export default trial
