import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeRecord } from '../../core/node.js'
import type { FleetObserver } from '../../core/observer.js'
import { inspectRing, type RingReport } from '../../inspect/report.js'
import type { Call, Command } from '../command.js'
import { allKinds, kindNamed, noRing } from '../kinds.js'
import { type Problem, problemOf, within } from '../objects.js'
import type { Output } from '../output.js'
import { printPairs, printTable } from '../table.js'
import { bytesText, counted, durationText, fingerprintText, rateText } from '../text.js'

/** A report with what two looks tell. */
interface RingStat extends RingReport {
  readonly retained: number
  /** Frames, of a table tokens, in each second between the looks; null: one look was asked for. */
  readonly perSecond: number | null
}

const progress = (report: RingReport): number => report.table?.tokensDrawn ?? report.head

/** Looks at rings, waits, and looks again. */
async function measure(fleet: FleetObserver, kinds: readonly number[], rateMs: number) {
  const nodes = fleet.nodes()
  const problems: { problem: Problem; error: unknown }[] = []
  const look = (kind: number): RingReport | undefined => {
    try {
      return inspectRing(fleet, kind, nodes)
    } catch (error) {
      problems.push({ problem: problemOf(`KIND ${kind}`, error), error })
      return undefined
    }
  }
  const first = kinds.flatMap((kind) => look(kind) ?? [])
  const begun = performance.now()
  if (rateMs > 0 && first.length > 0) await sleep(rateMs)
  const seconds = (performance.now() - begun) / 1000
  const rings = first.flatMap((before): RingStat[] => {
    const after = rateMs > 0 ? look(before.kind) : before
    if (after === undefined) return []
    const perSecond = rateMs > 0 ? Math.max(0, progress(after) - progress(before)) / seconds : null
    return [{ ...after, retained: after.head - after.oldest, perSecond }]
  })
  return { nodes, rings, problems }
}

const ringJson = ({ fingerprint, ...rest }: RingStat) => ({
  ...rest,
  fingerprint: fingerprintText(fingerprint),
  table: rest.table ?? null,
})

function printRings(output: Output, rings: readonly RingStat[]): void {
  printTable(
    output,
    [
      { title: 'KIND', text: ({ kind }) => String(kind), align: 'right' },
      { title: 'NAME', text: ({ name }) => name, isFlexible: true },
      { title: 'SLOTS', text: ({ capacity }) => String(capacity), align: 'right' },
      { title: 'PAYLOAD', text: ({ payloadBytes }) => bytesText(payloadBytes), align: 'right' },
      { title: 'HEAD', text: (ring) => (ring.table ? '-' : String(ring.head)), align: 'right' },
      {
        title: 'RETAINED',
        text: (ring) => (ring.table ? counted(ring.table.claims, 'claim') : String(ring.retained)),
        align: 'right',
      },
      { title: 'PER S', text: ({ perSecond }) => (perSecond === null ? '-' : rateText(perSecond)), align: 'right' },
      {
        title: 'BURNED',
        text: ({ burned, spares }) => `${burned}/${spares}`,
        align: 'right',
        style: ({ burned }) => (burned > 0 ? 'yellow' : undefined),
      },
      { title: 'SLEEPERS', text: ({ sleepers }) => String(sleepers), align: 'right' },
      {
        title: 'DEAD HANDS',
        text: ({ deadHands }) => deadHands.map(({ node }) => node).join(',') || '-',
        align: 'right',
        style: ({ deadHands }) => (deadHands.length > 0 ? 'yellow' : undefined),
      },
    ],
    rings,
  )
}

function handText({ node, hand, intentPosition, intentChunk }: RingReport['deadHands'][number]): string {
  const doing =
    intentPosition === undefined
      ? 'was not publishing'
      : `was about to fill position ${intentPosition} and receive chunk ${intentChunk}`
  return `node ${node} holds chunk ${hand}, ${doing}; the next owner of the node settles it`
}

function printRing(output: Output, ring: RingStat): void {
  const { table } = ring
  const rate = ring.perSecond === null ? '-' : rateText(ring.perSecond)
  const counts: [string, string][] = table
    ? [
        ['buckets', `${ring.capacity}, ${table.usedBuckets} in use, ${table.damagedBuckets} damaged`],
        ['living claims', String(table.claims)],
        ['tokens drawn', `${table.tokensDrawn} (${rate} a second)`],
      ]
    : [
        ['slots', String(ring.capacity)],
        ['head', `${ring.head} (${rate} a second)`],
        ['retained', ring.retained === 0 ? 'nothing' : `${ring.retained}: positions ${ring.oldest}..${ring.head - 1}`],
        ['floor', ring.floor === 0 ? '0: never reset' : `${ring.floor}: the last reset`],
      ]
  printPairs(output, [
    ['kind', `${ring.kind}, a ${ring.form}`],
    ['name', ring.name],
    [
      'layout',
      ring.fingerprint === 0n
        ? 'untyped'
        : `${ring.schema || 'unknown'} (fingerprint ${fingerprintText(ring.fingerprint)})`,
    ],
    ['payload', `at most ${ring.payloadBytes} bytes`],
    [
      'object',
      `${bytesText(ring.objectBytes)}, made ${durationText(Math.max(0, Date.now() - ring.createdAtMs))} ago${ring.isRetired ? ', removed' : ''}`,
    ],
    ...counts,
    ['spare chunks', `${ring.spares}, ${ring.burned} burned`],
    ['refused', `${ring.refused} publishes`],
    ['sleepers', `${ring.sleepers} nodes`],
    ...ring.deadHands.map((hand): [string, string] => ['dead hand', handText(hand)]),
  ])
}

function printFleet(output: Output, fleet: FleetObserver, nodes: readonly NodeRecord[]): void {
  const alive = nodes.filter((node) => node.alive).length
  output.line(
    `${output.paint('bold', fleet.name)}: ${alive} alive, ${nodes.length - alive} dead, of ${fleet.size} nodes`,
  )
}

async function run(call: Call): Promise<void> {
  const { output } = call
  const rateMs = call.integer('rate-ms', 0, 60_000) ?? 1000
  await within(call.operand(0), async (fleet) => {
    const operand = call.optional(1)
    const kind = operand === undefined ? undefined : kindNamed(fleet, operand)
    const { nodes, rings, problems } = await measure(fleet, kind === undefined ? allKinds(fleet) : [kind], rateMs)
    const damaged = problems[0]
    if (kind !== undefined && damaged !== undefined) throw damaged.error
    if (kind !== undefined && rings.length === 0) throw noRing(fleet, kind)
    if (output.isJson) {
      const nodesAlive = nodes.filter((node) => node.alive).length
      const counts = { size: fleet.size, nodesAlive, nodesDead: nodes.length - nodesAlive }
      output.json({
        fleet: fleet.name,
        ...counts,
        rings: rings.map(ringJson),
        problems: problems.map(({ problem }) => problem),
      })
    } else if (kind !== undefined) {
      printRing(output, rings[0] as RingStat)
    } else {
      printFleet(output, fleet, nodes)
      if (rings.length > 0) printRings(output, rings)
    }
    if (damaged !== undefined) throw damaged.error
  })
}

export const stat: Command = {
  name: 'stat',
  summary: 'the rings of a fleet',
  operands: ['FLEET', '[KIND]'],
  about: [
    'Tells of each ring its geometry, head, rate over a second, how much it retains, burned chunks, nodes that sleep',
    'until there is news, and nodes that died with a chunk in hand. With KIND (a number, events, cache, contest, or the',
    "name of a type) all there is to say of one, also its layout's fingerprint, floor, and what the dead were doing.",
    'The contest (KIND 222) is a table: buckets, living claims, tokens drawn.',
    '',
    'A damaged ring is named on stderr, after the others; the exit code is then 1 or 4.',
  ],
  options: {
    'rate-ms': {
      type: 'string',
      value: 'MS',
      about: 'measure the rate over so long, 0..60000; 0: not at all; default 1000',
    },
  },
  examples: [
    { line: 'orbit stat web', about: 'every ring of the fleet "web"' },
    { line: 'orbit stat web events', about: 'its event bus' },
  ],
  run,
}
