import type { Answerer, Parameters, PeerContext, Trial } from './trial.js'
import { sampleFor } from './windows.js'

/** What one process does without any other. */
export interface Alone {
  /** How many operations one `run` does. */
  readonly operations: number
  run(): unknown
  close(): void | Promise<void>
}

export const aloneWith = (label: string, values: Readonly<Record<string, number>>): Parameters => ({
  ...{ label, values },
  ...{ publishers: 1, subscribers: 0, messageBytes: 64, burst: 0 },
})

/** A trial of calls in one process: the means of windows. */
export function aloneTrial(
  about: Pick<Trial, 'name' | 'measures' | 'needs'>,
  parameters: readonly Parameters[],
  start: (context: PeerContext) => Promise<Alone>,
): Trial {
  return {
    ...about,
    unit: 'ns',
    better: 'lower',
    full: { parameters, rounds: 6, visitMs: 100 },
    quick: { parameters: parameters.slice(0, 1), rounds: 2, visitMs: 20 },
    async host(host) {
      await host.open()
      const [peer] = host.publishers
      if (peer === undefined) throw new Error('no peer')
      return () => peer.ask<number[]>({ visitMs: host.visitMs })
    },
    async peer(context): Promise<Answerer> {
      const alone = await start(context)
      return {
        answer: ({ visitMs }: { visitMs: number }) => sampleFor(visitMs, alone.operations, alone.run),
        close: () => alone.close(),
      }
    },
  }
}

/** That part of the driver; a cell is only made of drivers that have it. */
export function partOf<T>(part: T | undefined, { driver }: PeerContext): T {
  if (part === undefined) throw new Error(`${driver.name} has no such part`)
  return part
}
