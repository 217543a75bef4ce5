import type { Host, Parameters, PeerHandle, Trial } from './trial.js'

/** Peers 0 and 1 are the survivor, who kills, and the victim. */
const victim = 1

export const withVictim = (subscribers: number): Parameters => ({
  ...{ label: '', values: {} },
  ...{ publishers: 2, subscribers, messageBytes: 64, burst: 10_000 },
})

/** Threads are not killed. */
export const suits: NonNullable<Trial['suits']> = ({ peers }) => peers === 'processes'

/** What the victim is asked before it is killed. */
export interface Live {
  readonly live: number
}

/** The survivor's clock is read right before it kills, and right after what it answers. */
export interface Kill {
  readonly kill: number
  readonly visit: number
}

/** One kill a visit, each time of another process. */
export async function killEachVisit(host: Host): Promise<() => Promise<number[]>> {
  await host.open()
  const [survivor, first] = host.publishers as [PeerHandle, PeerHandle]
  let visit = 0
  async function another(): Promise<PeerHandle> {
    const peer = await host.start('publisher', victim)
    await peer.open()
    return peer
  }
  return async () => {
    const peer = visit === 0 ? first : await another()
    await peer.ask({ live: visit } satisfies Live)
    const elapsedNs = await survivor.ask<number>({ kill: peer.pid, visit } satisfies Kill)
    visit++
    await peer.kill() // It is dead; now we also know.
    return [elapsedNs]
  }
}
