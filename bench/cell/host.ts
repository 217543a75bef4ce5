// The host of one cell, parent of its peers, and the primary of those who have one: `host.js <CellSpec as JSON>`.
// Started by comparison.ts. Each message asks for a visit, each answer is its samples. It ends, its peers first, when
// its parent disconnects.

import { setTimeout as after } from 'node:timers/promises'
import type { Closable, Driver } from '../drivers/driver.js'
import { endWithParent, tellParent } from '../parent.js'
import type { Host, Role } from '../trials/trial.js'
import { CrewPeer } from './crew.js'
import { type CellSpec, findDriver, findTrial, placeOf } from './spec.js'

const spec = JSON.parse(process.argv[2] as string) as CellSpec
const { parameters } = spec
const driver: Driver = findDriver(spec.driver)
const trial = findTrial(spec.trial)
/** All that ever ran, to be ended with us. */
const crew: CrewPeer[] = []
let hosted: Closable | undefined

async function start(role: Role, index: number): Promise<CrewPeer> {
  const peer = new CrewPeer(driver, { ...spec, role, index })
  crew.push(peer)
  await peer.ready()
  return peer
}

async function startAll(role: Role, count: number): Promise<CrewPeer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => start(role, index)))
}

async function end(): Promise<never> {
  // Whoever does not close soon is killed.
  await Promise.race([Promise.allSettled(crew.map((peer) => peer.close())), after(500)])
  await hosted?.close()
  await Promise.all(crew.map((peer) => peer.kill()))
  process.exit()
}

/** To main: what a visit brought, or why it did not. */
const tell = (answer: { samples: number[] } | { error: string }) => tellParent(answer)
const fail = (error: unknown) => tell({ error: (error as Error).message })

endWithParent(end)

try {
  const [publishers, subscribers] = await Promise.all([
    startAll('publisher', parameters.publishers),
    startAll('subscriber', parameters.subscribers),
  ])
  const host: Host = {
    driver,
    parameters,
    visitMs: spec.visitMs,
    name: spec.name,
    serverPid: spec.serverPid,
    publishers,
    subscribers,
    start,
    async open() {
      if (trial.needs === 'messages')
        hosted = driver.messages?.host?.([...publishers, ...subscribers], placeOf(spec, 0))
      const sides = publishers.length === 1 ? [publishers, subscribers] : [subscribers, publishers]
      for (const side of sides) await Promise.all(side.map((peer) => peer.open()))
    },
  }
  const visit = await trial.host(host)
  process.on('message', () => visit().then((samples) => tell({ samples }), fail))
  tell({ samples: [] })
} catch (error) {
  fail(error)
}
