// The trials of a process that is killed, or that gives up what another waits for.

import { nowNs, pause } from '../clock.js'
import type { Claim } from '../drivers/driver.js'
import { messageCase, publishAll } from './messages.js'
import { newMessage } from './text.js'
import { type Host, type Peer, type PeerContext, type PeerPart, type Plan, partOf, type Trial } from './trial.js'

const plan = (subscribers: number, rounds: number, runMs: number): Plan => ({
  cases: [messageCase('', { publishers: 2, subscribers })],
  ...{ rounds, runMs },
})

/** Threads are not killed. */
const suits: NonNullable<Trial['suits']> = ({ peers }) => peers === 'processes'

/** Measures with peer 0, which stays, and peer 1; where it `dies` each run has a new one. */
function withVictim(
  host: Host,
  dies: boolean,
  measure: (survivor: Peer, victim: Peer, run: number) => Promise<number>,
) {
  const [survivor, first] = host.publishers as [Peer, Peer]
  let victim: Peer | undefined = first
  let run = 0
  return async () => {
    if (victim === undefined) {
      victim = await host.start('publisher', 1)
      await victim.ask('open')
    }
    const elapsedNs = await measure(survivor, victim, run++)
    if (dies) {
      await victim.kill()
      victim = undefined
    }
    return [elapsedNs]
  }
}

const messages = 1000

async function publisherPart({ driver, place, line }: PeerContext): Promise<PeerPart> {
  const publisher = await partOf(driver, 'messages').publisher(place, line)
  const message = newMessage(place.messageBytes)
  const publish = (count: number) => publishAll(publisher, count, () => message)
  /** Publishes without a pause until the process is killed. */
  async function storm(): Promise<never> {
    for (;;) {
      await publish(messages)
      await new Promise(setImmediate)
    }
  }
  async function kill(pid: number): Promise<number> {
    await pause(20) // The victim is in the middle of its work then.
    await publish(messages)
    for (let i = 0; i < 100; i++) process.kill(pid, 0) // It lives, and the call is warm.
    const beganNs = nowNs()
    process.kill(pid, 'SIGKILL')
    await publish(1)
    return nowNs() - beganNs
  }
  return {
    answer: (order: 'storm' | { kill: number }) => (order === 'storm' ? void setImmediate(storm) : kill(order.kill)),
    close: () => publisher.close(),
  }
}

async function subscriberPart({ driver, place, line }: PeerContext): Promise<PeerPart> {
  const subscribed = await partOf(driver, 'messages').subscribe(place, () => {}, line)
  return { answer() {}, close: () => subscribed.close() }
}

export const writerDeath: Trial = {
  name: 'death of a writer',
  measures: 'from SIGKILL of a process that publishes without a pause until the next publish of another has returned',
  ...{ unit: 'ns', better: 'lower', needs: 'messages', suits },
  ...{ full: plan(1, 12, 150), quick: plan(1, 1, 150) },
  peer: (context) => (context.role === 'publisher' ? publisherPart(context) : subscriberPart(context)),
  host: (host) => ({
    samples: withVictim(host, true, async (survivor, victim) => {
      await victim.ask('storm')
      return survivor.ask<number>({ kill: victim.pid })
    }),
  }),
}

type ClaimOrder = { readonly hold: string } | { readonly wait: string } | 'release'

/** Holds subjects and waits for them; answers when it has them. */
async function claimant({ driver, place }: PeerContext): Promise<PeerPart> {
  const claims = await partOf(driver, 'claims')(place)
  let held: Claim | undefined
  async function answer(order: ClaimOrder): Promise<number> {
    if (order === 'release') {
      const beganNs = nowNs()
      await held?.release()
      return beganNs
    }
    const claim = await claims.claim('wait' in order ? order.wait : order.hold)
    const tookNs = nowNs()
    if ('wait' in order) await claim.release()
    else held = claim
    return tookNs
  }
  return { answer, close: () => claims.close() }
}

/** The end comes at another moment of every tick and lease, none of which is longer: the golden ratio spreads them. */
const momentOf = (run: number, mostMs: number): number => ((run * 0.618034) % 1) * mostMs

function claimTrial(
  about: Pick<Trial, 'name' | 'measures' | 'suits' | 'full' | 'quick'>,
  mostMs: number,
  end: (victim: Peer) => number | Promise<number>,
): Trial {
  return {
    ...about,
    ...{ unit: 'ns', better: 'lower', needs: 'claims', peer: claimant },
    host: (host) => ({
      samples: withVictim(host, end === kill, async (survivor, victim, run) => {
        const subject = `subject-${run}`
        await victim.ask({ hold: subject })
        let hasIt = false
        const took = survivor.ask<number>({ wait: subject }).finally(() => {
          hasIt = true
        })
        await pause(5 + momentOf(run, mostMs))
        if (hasIt) throw new Error(`${subject} was given away while it was held`)
        const endedNs = await end(victim)
        return (await took) - endedNs
      }),
    }),
  }
}

function kill({ pid }: Peer): number {
  const beganNs = nowNs()
  process.kill(pid, 'SIGKILL')
  return beganNs
}

export const claimHandover = claimTrial(
  {
    name: 'claim handover',
    measures: 'from the call that releases a subject until another process, which waits for it, has it',
    ...{ full: plan(0, 40, 50), quick: plan(0, 3, 50) },
  },
  20,
  (victim) => victim.ask<number>('release'),
)

export const holderDeath = claimTrial(
  {
    name: 'death of a holder',
    measures: 'from SIGKILL of the process that holds a subject until another process, which waits for it, has it',
    ...{ suits, full: plan(0, 12, 1300), quick: plan(0, 1, 1300) },
  },
  1000,
  kill,
)

const open = 64

/** Holds questions open, and answers when the last of them has failed. */
async function serverDeathPart({ driver, role, place, line }: PeerContext): Promise<PeerPart> {
  const requests = partOf(driver, 'requests')
  if (role === 'subscriber') {
    const answering = await requests.answer(place, line)
    return { answer() {}, close: () => answering.close() }
  }
  let failed: Promise<number> | undefined
  async function hold(): Promise<void> {
    const asker = await requests.asker(place, line)
    await asker.ask(newMessage(64)) // The answerer is there.
    const failures = Array.from({ length: open }, () => asker.hold?.().then(neverAnswered, nowNs))
    failed = Promise.all(failures).then(async (times) => {
      await asker.close()
      return Math.max(...times.map(Number))
    })
    await asker.ask(newMessage(64)) // Those that are held have begun.
  }
  return { answer: (order: 'hold' | 'failed') => (order === 'hold' ? hold() : failed), close() {} }
}

function neverAnswered(): never {
  throw new Error('a question that is held was answered')
}

export const serverDeath: Trial = {
  name: 'death of a server',
  measures: `from SIGKILL of the process that has ${open} questions open until the last of them has failed in its caller`,
  ...{ unit: 'ns', better: 'lower', needs: 'requests' },
  suits: (driver) => suits(driver) && driver.requests?.holds === true,
  full: { cases: [messageCase('', {})], rounds: 12, runMs: 150 },
  quick: { cases: [messageCase('', {})], rounds: 2, runMs: 150 },
  peer: serverDeathPart,
  host(host) {
    const [asker] = host.publishers as [Peer]
    let [victim] = host.subscribers as readonly (Peer | undefined)[]
    return {
      async samples() {
        if (victim === undefined) {
          victim = await host.start('subscriber', 0)
          await victim.ask('open')
        }
        await asker.ask('hold')
        await pause(20)
        const killedNs = kill(victim)
        const failedNs = await asker.ask<number>('failed')
        await victim.kill()
        victim = undefined
        return [failedNs - killedNs]
      },
    }
  },
}
