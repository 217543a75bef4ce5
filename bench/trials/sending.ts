// The trials of messages: latency, throughput, fan-in, fan-out, what a publisher pays, processor time and memory.

import { burstOf, burstSamples, messageCase, messagePeer, sendPaced } from './messages.js'
import type { Case, Host, Plan, Trial } from './trial.js'
import { ownBytes, pidsOf, processorNs, sharedBytes } from './usage.js'

const some = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
const plan = (cases: readonly Case[], rounds: number, runMs: number): Plan => ({ cases, rounds, runMs })

/** A trial that sends a few messages at a time. */
const paced = (
  trial: Omit<Trial, 'needs' | 'host' | 'peer'>,
  look: 'lateness' | 'count',
  measure: (host: Host, paced: { atOnce: number; gapMs: number; count: number }) => Promise<number[]>,
): Trial => ({
  ...trial,
  needs: 'messages',
  peer: messagePeer(look),
  host(host) {
    const { atOnce = 1, gapMs = 1, part = 1 } = host.case.values
    const count = Math.ceil((host.runMs * part) / gapMs) * atOnce
    return { samples: () => measure(host, { atOnce, gapMs, count }) }
  },
})

const idle = messageCase('idle', { gapMs: 1 })
const busy = messageCase('busy', { gapMs: 1, atOnce: 20, part: 1 / 3 })

export const latency = paced(
  {
    name: 'latency',
    measures:
      'one way, from before publish is called to the subscriber’s callback; 64 B; idle: one message a millisecond, the ' +
      'subscriber sleeps; busy: 20 at once each millisecond',
    ...{ unit: 'ns', better: 'lower' },
    ...{ full: plan([idle, busy], 8, 650), quick: plan([idle, busy], 2, 100) },
  },
  'lateness',
  async (host, pace) => (await sendPaced(host, pace)).heard.flatMap(({ lateness }) => lateness),
)

const sleepers = (count: number, values = {}) =>
  messageCase(some(count, 'sleeper'), { subscribers: count, burst: 1000, gapMs: 4, ...values })

export const fanOut = paced(
  {
    name: 'fan-out',
    measures:
      'a message of 64 B to sleeping subscribers, every 4 ms: from before publish is called until the last has it',
    ...{ unit: 'ns', better: 'lower' },
    ...{
      full: plan(
        [1, 4, 16].map((count) => sleepers(count)),
        6,
        250,
      ),
      quick: plan([sleepers(4)], 2, 60),
    },
  },
  'lateness',
  async (host, pace) => {
    const { heard } = await sendPaced(host, pace)
    return Array.from({ length: pace.count }, (_, i) => Math.max(...heard.map(({ lateness }) => lateness[i] as number)))
  },
)

const paying = (count: number, atOnce: number): Case => {
  const label = `${some(count, 'sleeper')}, ${atOnce === 1 ? 'one message' : `${atOnce} at once`}`
  return { ...sleepers(count, { atOnce, gapMs: 12, burst: 10_000 }), label }
}

export const publisherCost = paced(
  {
    name: 'publisher cost',
    measures: 'what a message of 64 B to sleeping subscribers costs its publisher, every 12 ms, alone or many at once',
    ...{ unit: 'ns', better: 'lower' },
    full: plan(
      [1, 4, 16].flatMap((count) => [paying(count, 1), paying(count, 500)]),
      6,
      250,
    ),
    quick: plan([paying(4, 1), paying(4, 500)], 2, 60),
  },
  'count',
  async (host, pace) => (await sendPaced(host, pace)).costs,
)

export const readerCost = paced(
  {
    name: 'reader cost',
    measures: 'processor time of a sleeping subscriber for a message of 64 B every 4 ms, all its threads counted',
    ...{ unit: 'ns', better: 'lower' },
    full: plan([sleepers(1), sleepers(16)], 6, 600),
    quick: plan([sleepers(1)], 2, 100),
  },
  'count',
  async (host, pace) => {
    const used = () => host.subscribers.reduce((sum, { pid }) => sum + processorNs(pid), 0)
    const before = used()
    await sendPaced(host, pace)
    return [(used() - before) / (pace.count * host.subscribers.length)]
  },
)

const pace = (name: 'steady' | 'in bursts', readers: number) =>
  messageCase(`${name}, ${some(readers, 'reader')}`, {
    ...{ subscribers: readers },
    ...(name === 'steady' ? { atOnce: 10, gapMs: 1 } : { atOnce: 500, gapMs: 50 }),
  })

const usedNs = (host: Host) => pidsOf(host).reduce((sum, pid) => sum + processorNs(pid), 0)

export const cpu = paced(
  {
    name: 'cpu',
    measures:
      'processor time for a million messages of 64 B, of publisher, subscribers, their parent and the server together; ' +
      '10,000 a second, 10 each millisecond or 500 each 50; with the publisher’s timer and the making of messages',
    ...{ unit: 'seconds', better: 'lower' },
    full: plan(
      [1, 4].flatMap((readers) => [pace('steady', readers), pace('in bursts', readers)]),
      4,
      400,
    ),
    quick: plan([pace('in bursts', 4)], 1, 100),
  },
  'count',
  async (host, paced) => {
    const before = usedNs(host)
    await sendPaced(host, paced)
    return [(usedNs(host) - before) / 1e9 / (paced.count / 1e6)]
  },
)

const memoryCases = [messageCase('all of 5 peers', { subscribers: 4, burst: 1000 })]

export const memory: Trial = {
  name: 'memory',
  measures:
    'proportional set size, without the pages of Node.js itself, of a publisher, 4 subscribers, their parent, the server and ' +
    'shared memory, when they have exchanged 1,000 messages of 64 B and collected their garbage',
  ...{ unit: 'bytes', better: 'lower', needs: 'messages' },
  ...{ full: plan(memoryCases, 3, 50), quick: plan(memoryCases, 1, 50) },
  peer: messagePeer('count'),
  host: (host) => ({
    async samples() {
      await sendPaced(host, { count: 1000, atOnce: 100, gapMs: 1 })
      for (const peer of [...host.publishers, ...host.subscribers]) await peer.ask('collect')
      return [pidsOf(host).reduce((sum, pid) => sum + ownBytes(pid), sharedBytes(host.place.name))]
    },
  }),
}

/** A trial of bursts. */
const bursts = (name: string, measures: string, plans: Pick<Trial, 'full' | 'quick'>): Trial => ({
  ...{ name, measures, unit: 'per second', better: 'higher', needs: 'messages', ...plans },
  peer: messagePeer('count'),
  host: (host) => ({ samples: burstSamples(host) }),
})

const oneToMany = (messageBytes: number, readers: number) =>
  messageCase(`${messageBytes} B, ${some(readers, 'reader')}`, {
    ...{ subscribers: readers, messageBytes, burst: burstOf(messageBytes) },
  })
const grid = [1, 4, 16].flatMap((readers) => [16, 64, 1024, 4096].map((bytes) => oneToMany(bytes, readers)))

export const throughput = bursts(
  'throughput',
  'messages a second from one publisher to each subscriber: bursts of up to 10,000 messages and 8 MiB, from the first ' +
    'publish until the last subscriber has heard the last; each message checked',
  { full: plan(grid, 4, 100), quick: plan([oneToMany(64, 4)], 2, 60) },
)

const manyToOne = (writers: number) =>
  messageCase(some(writers, 'writer'), { publishers: writers, burst: writers * burstOf(64) })

export const fanIn = bursts(
  'fan-in',
  'messages a second from several publishers at once to one subscriber; 64 B; bursts as in throughput; each checked',
  { full: plan([1, 2, 4, 8].map(manyToOne), 5, 150), quick: plan([manyToOne(4)], 2, 60) },
)
