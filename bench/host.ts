// The host process of one cell: `host.js <CellSpec as JSON>`. It is the parent of the cell's peers, and the primary of
// drivers that have one. Each order of main is one run, each answer its samples. It ends, after its peers, when main
// disconnects.

import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Child } from './child.js'
import type { Closable } from './drivers/driver.js'
import { answerOrders } from './line.js'
import { type CellSpec, findDriver, findTrial, type PeerSpec, placeOf } from './spec.js'
import type { Host, Peer, Role, Run } from './trials/trial.js'

const spec = JSON.parse(process.argv[2] as string) as CellSpec
const driver = findDriver(spec.driver)
const trial = findTrial(spec.trial)
const file = fileURLToPath(new URL('./peer.js', import.meta.url))
const peers: Child[] = []
let hosted: Closable | undefined
let run: Run | undefined

async function start(role: Role, index: number): Promise<Peer> {
  const child = new Child({
    ...{ file, spec: { ...spec, role, index } satisfies PeerSpec, name: `${role} ${index}`, patienceMs: 60_000 },
    ...{ isThread: driver.peers === 'threads', serialization: driver.serialization ?? 'json' },
  })
  peers.push(child)
  await child.ready()
  return Object.assign(child, { role })
}

const startAll = (role: Role, count: number) => Promise.all(Array.from({ length: count }, (_, i) => start(role, i)))

async function begin(): Promise<Run> {
  const [publishers, subscribers] = await Promise.all([
    startAll('publisher', spec.case.publishers),
    startAll('subscriber', spec.case.subscribers),
  ])
  const open = async () => {
    const part = trial.needs === 'messages' || trial.needs === 'requests' ? driver[trial.needs] : undefined
    hosted = part?.host?.([...publishers, ...subscribers], placeOf(spec))
    for (const side of [subscribers, publishers]) await Promise.all(side.map((peer) => peer.ask('open')))
  }
  const host: Host = { ...spec, driver, place: placeOf(spec), publishers, subscribers, start }
  await open()
  return trial.host(host)
}

async function end(): Promise<never> {
  await Promise.race([Promise.allSettled(peers.map((peer) => peer.ask('close'))), after(500)])
  await hosted?.close()
  await Promise.all(peers.map((peer) => peer.kill()))
  await run?.close?.()
  // Killed peers leave objects behind.
  if (spec.driver.startsWith('orbit')) (await import('../src/index.js')).Fleet.remove(spec.name, { force: true })
  process.exit()
}

answerOrders(async (what: 'begin' | 'run') => {
  if (what === 'begin') run = await begin()
  else {
    globalThis.gc?.()
    return run?.samples()
  }
}, end)
