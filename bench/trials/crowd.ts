import { nowNs, pause } from '../clock.js'
import type { Host, Parameters } from './trial.js'

/** From when until when all of them work. */
export interface Shift {
  readonly beginNs: number
  readonly endNs: number
}

/** What one of them did, and when its last work was done. */
export interface Done {
  readonly count: number
  readonly endedNs: number
}

export const crowdOf = (label: string, values: Readonly<Record<string, number>>): Parameters => ({
  ...{ label, values },
  ...{ publishers: 4, subscribers: 0, messageBytes: 64, burst: 0 },
})

/** All peers at once, for so long as a visit; how much they did a second, in all. */
export async function workTogether(host: Host): Promise<number> {
  const beginNs = nowNs() + 20e6
  const shift: Shift = { beginNs, endNs: beginNs + host.visitMs * 1e6 }
  const done = await Promise.all(host.publishers.map((peer) => peer.ask<Done>(shift)))
  const seconds = (Math.max(...done.map(({ endedNs }) => endedNs)) - beginNs) / 1e9
  return done.reduce((sum, { count }) => sum + count, 0) / seconds
}

/** @param work does some, and resolves to how much */
export async function workFor({ beginNs, endNs }: Shift, work: () => Promise<number>): Promise<Done> {
  await pause((beginNs - nowNs()) / 1e6)
  let count = 0
  while (nowNs() < endNs) count += await work()
  return { count, endedNs: nowNs() }
}
