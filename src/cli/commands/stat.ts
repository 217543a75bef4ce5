import { Fleet } from '../../core/fleet.js'
import type { NodeRecord } from '../../core/node.js'
import type { FleetObserver } from '../../core/observer.js'
import { allKinds, isOfLayer } from '../../inspect/kinds.js'
import type { Call, Command } from '../command.js'
import { kindNamed, noRing } from '../kindoperand.js'
import type { Output } from '../output.js'
import { rateOf, ringPairs } from '../ringpairs.js'
import { measure, type RingStat, ringStatJson } from '../ringstat.js'
import { storeColumns, storeJson, storePairs } from '../storetext.js'
import { type Column, numbers, printPairs, printTable } from '../table.js'
import { bytesText, counted } from '../text.js'

/** The frames of a ring, the messages of an inbox that are not committed, or what a table has. */
function retainedText({ retained, inboxes, table, name }: RingStat): string {
  if (table === undefined) return inboxes === undefined ? String(retained) : counted(retained, 'message')
  return counted(
    table.claims,
    isOfLayer('counters', name) ? 'counter' : name.startsWith('orbit.presence:') ? 'id' : 'claim',
  )
}

const columns: Column<RingStat>[] = [
  numbers('KIND', ({ kind }) => kind),
  { title: 'NAME', text: ({ name }) => name, isFlexible: true },
  numbers('SLOTS', ({ capacity }) => capacity),
  numbers('PAYLOAD', ({ payloadBytes }) => bytesText(payloadBytes)),
  { title: 'HEAD', text: (ring) => (ring.table ? '-' : String(ring.head)), align: 'right' },
  {
    title: 'RETAINED',
    text: retainedText,
    align: 'right',
  },
  { title: 'PER S', text: rateOf, align: 'right' },
  {
    title: 'BURNED',
    text: ({ burned, spares }) => `${burned}/${spares}`,
    align: 'right',
    style: ({ burned }) => (burned > 0 ? 'yellow' : undefined),
  },
  numbers('SLEEPERS', ({ sleepers }) => sleepers),
  {
    title: 'DEAD NODES',
    text: ({ deadNodes }) => deadNodes.map(({ node }) => node).join(',') || '-',
    align: 'right',
    style: ({ deadNodes }) => (deadNodes.length > 0 ? 'yellow' : undefined),
  },
]

function printFleet(output: Output, fleet: FleetObserver, nodes: readonly NodeRecord[]): void {
  const alive = nodes.filter((node) => node.alive).length
  output.line(
    `${output.paint('bold', fleet.name)}: ${alive} alive, ${nodes.length - alive} dead, of ${fleet.size} nodes`,
  )
}

async function run(call: Call): Promise<void> {
  const { output } = call
  const rateMs = call.integer('rate-ms', 0, 60_000) ?? 1000
  using fleet = Fleet.observe(call.operand(0))
  const operand = call.optional(1)
  const kind = operand === undefined ? undefined : kindNamed(fleet, operand)
  const kinds = kind === undefined ? allKinds(fleet) : [kind]
  const { nodes, rings, stores, problems } = await measure(fleet, kinds, rateMs)
  const damaged = problems[0]
  if (kind !== undefined && damaged !== undefined) throw damaged.error
  if (kind !== undefined && rings.length + stores.length === 0) throw noRing(fleet, kind)
  if (output.isJson) {
    const nodesAlive = nodes.filter((node) => node.alive).length
    const counts = { size: fleet.size, nodesAlive, nodesDead: nodes.length - nodesAlive }
    const list = problems.map(({ problem }) => problem)
    output.json({
      fleet: fleet.name,
      ...counts,
      rings: rings.map(ringStatJson),
      stores: stores.map(storeJson),
      problems: list,
    })
  } else if (kind !== undefined) {
    for (const ring of rings) printPairs(output, ringPairs(ring))
    for (const store of stores) printPairs(output, storePairs(store, store.perSecond))
  } else {
    printFleet(output, fleet, nodes)
    if (rings.length > 0) printTable(output, columns, rings)
    else if (damaged === undefined && stores.length === 0) output.none('no rings')
    if (rings.length > 0 && stores.length > 0) output.line()
    if (stores.length > 0) printTable(output, storeColumns, stores)
  }
  if (damaged !== undefined) throw damaged.error
}

export const stat: Command = {
  name: 'stat',
  summary: 'show the rings of a fleet, or the details of one ring',
  operands: ['FLEET', '[KIND]'],
  about: [
    'Lists the rings: geometry, head, retained frames, frames per second, lost spare chunks (BURNED), nodes that',
    'sleep until there is news, and nodes that died and have left a chunk. A contest is a table: it has buckets, valid',
    'claims and drawn tokens. An inbox has messages that are not committed. Stores have a list of their own, which',
    'orbit store explains.',
    '',
    'With KIND (a number, events, cache, contest, store, one of these with a name as in cache:sessions, or the name of a',
    'type) it shows the details of one ring, including its pod, its last reset, and what each dead node was doing.',
    '',
    'A damaged ring is reported on stderr after the other rings; the exit code is then 1 or 4.',
  ],
  options: {
    'rate-ms': {
      type: 'string',
      value: 'MS',
      about: 'measure the rate for MS milliseconds, 0..60000; 0: do not measure it; default: 1000',
    },
  },
  examples: [
    { line: 'orbit stat web', about: 'every ring of fleet web' },
    { line: 'orbit stat web events', about: 'its event bus' },
  ],
  run,
}
