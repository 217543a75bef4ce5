import type { CellResult } from '../results.js'

const threads = /^(MessagePort|BroadcastChannel)$/

/** Why orbit is not ahead of a driver in a trial; written by hand, where a result shows it. */
const reasons: readonly { trial: RegExp; driver: RegExp; why: string }[] = [
  {
    trial: /^latency/,
    driver: threads,
    why: 'Threads of one process are woken by the same kind of write; no other process has to be switched to.',
  },
  {
    trial: /^latency/,
    driver: /^unix socket$/,
    why: 'It gathers what follows the first message of a burst into one write; orbit rings again when the reader sleeps again.',
  },
  {
    trial: /^(throughput|fan-in)/,
    driver: /^unix socket$/,
    why:
      'This socket gathers small messages into writes of 64 KiB. orbit publishes each for itself, in cache lines that the ' +
      'others read or write at that moment; `publishPacked` is for who has many at once.',
  },
  {
    trial: /^fan-out/,
    driver: threads,
    why: 'A publish writes to the bell of each sleeper, and each is a process to switch to; these are threads of one.',
  },
  {
    trial: /^fan-out/,
    driver: /^ZeroMQ$/,
    why: 'A publish writes to the bell of each sleeper; there a thread of its own does that.',
  },
  {
    trial: /^cpu/,
    driver: threads,
    why: 'Threads of one process: less to switch, and one event loop less, that of the parent.',
  },
  {
    trial: /^cpu/,
    driver: /^(unix socket|ZeroMQ)$/,
    why: 'It gathers messages: fewer wake-ups and system calls for each.',
  },
  { trial: /^memory/, driver: threads, why: 'Five threads are one process.' },
  {
    trial: /^death of a writer/,
    driver: /^(unix socket|ZeroMQ)$/,
    why: 'The next publish there is one into a queue of the publisher’s own.',
  },
  {
    trial: /^cache get/,
    driver: /^lmdb, batched$/,
    why: 'It looks up a hundred keys in one snapshot, and each overwrites the bytes of the one before.',
  },
  {
    trial: /^cache/,
    driver: /^lru-cache$/,
    why: 'It shares nothing: it hands out its own object in the memory of one process.',
  },
]

/** @throws when nobody has said why: README may not leave it open */
export function reasonFor({ trial, driver, parameters }: CellResult): string {
  const reason = reasons.find((reason) => reason.trial.test(trial) && reason.driver.test(driver))
  if (reason === undefined) throw new Error(`${driver} is ahead in ${trial}, ${parameters}: say why in reasons.ts`)
  return reason.why
}
