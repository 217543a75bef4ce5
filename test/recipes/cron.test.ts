import { describe, expect, it } from 'vitest'
import { type Cluster, runCluster, type WorkerEvent } from './cluster.js'

/** The job: it reports that it has begun, and can be told to wait and to continue. */
const report = `
let going: Promise<void> | undefined
let go = () => {}
process.on('message', ([word]: [string]) => {
  if (word === 'hang') going = new Promise((resolve) => { go = resolve })
  else go()
})
export async function report(date: Date): Promise<void> {
  process.send?.({ did: 'began', slot: date.getTime(), hangs: going !== undefined })
  await going
}
`

/** The worker of the recipe, which reports the outcome of each of its runs. */
const driver = `
import { task } from './worker.js'
for (const event of ['execution:finished', 'execution:skipped', 'execution:missed'] as const) {
  task.on(event, ({ date }) => void process.send?.({ did: event.slice(10), slot: date.getTime() }))
}
`

const files = { 'report.ts': report, 'driver.ts': driver }

interface Said {
  did: 'began' | 'finished' | 'skipped' | 'missed'
  slot: number
  hangs?: boolean
}

/** The reports of the workers, in order and by run. */
class Runs {
  readonly #cluster: Cluster
  readonly #all: (Said & { worker: number })[] = []

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async next(): Promise<WorkerEvent & { said: Said }> {
    const event = (await this.#cluster.next(({ said }) => said !== undefined)) as WorkerEvent & { said: Said }
    this.#all.push({ ...event.said, worker: event.worker })
    return event
  }

  /** The workers that did something in a run. */
  of(slot: number, ...did: Said['did'][]): number[] {
    return this.#all.filter((said) => said.slot === slot && did.includes(said.did)).map(({ worker }) => worker)
  }

  /** Returns the time of the next run that `count` workers have decided. A run without an awake worker is skipped. */
  async decided(workers: number): Promise<number> {
    for (;;) {
      const { slot } = (await this.next()).said
      const isDecided = this.of(slot, 'finished', 'skipped', 'missed').length === workers
      if (isDecided && this.of(slot, 'missed').length < workers) return slot
    }
  }
}

describe('docs/recipes/cron.md', () => {
  it('executes each run once in four workers', async () => {
    const runs = new Runs(await runCluster('cron', { files, worker: 'driver.ts' }))
    for (let i = 0; i < 3; i++) {
      const slot = await runs.decided(4)
      expect(runs.of(slot, 'began')).toHaveLength(1)
      expect(runs.of(slot, 'finished')).toEqual(runs.of(slot, 'began'))
    }
  })

  it('repeats a run when its worker is killed during it, and finishes it once', async () => {
    const cluster = await runCluster('cron', { files, worker: 'driver.ts' })
    const runs = new Runs(cluster)
    await runs.decided(4) // all workers take part
    for (let worker = 1; worker <= 4; worker++) cluster.tell(worker, 'hang')

    let killed: WorkerEvent & { said: Said }
    do killed = await runs.next()
    while (!killed.said.hangs)
    const { slot } = killed.said
    expect(runs.of(slot, 'finished')).toEqual([])
    await cluster.kill(killed)

    while (runs.of(slot, 'began').length < 2) await runs.next()
    for (let worker = 1; worker <= 4; worker++) cluster.tell(worker, 'go')
    while (runs.of(slot, 'finished', 'skipped', 'missed').length < 3) await runs.next()
    expect(runs.of(slot, 'finished')).toHaveLength(1)
    expect(runs.of(slot, 'began')).toEqual([killed.worker, ...runs.of(slot, 'finished')])
    expect(runs.of(slot, 'finished')).not.toEqual([killed.worker])
  })

  it('runs jobs without a coordinator only in the leader, and in another worker after its death', async () => {
    const cluster = await runCluster('cron', { files, worker: 'leader.ts' })
    const runs = new Runs(cluster)
    const first = await runs.next()
    const second = await runs.next()
    expect(second.worker).toBe(first.worker)
    await cluster.kill(first)

    const after = []
    while (after.length < 2) {
      const event = await runs.next()
      if (event.worker !== first.worker) after.push(event)
    }
    expect(new Set(after.map(({ worker }) => worker)).size).toBe(1)
  })
})
