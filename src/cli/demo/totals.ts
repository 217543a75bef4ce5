// The totals of a run, and the promises that they must keep.
import { longestRunSeconds, workerCount } from './contract.js'
import type { View } from './view.js'

type Counts = ReturnType<View['counts']>

export interface Totals extends Counts {
  readonly fleet: string
  readonly seconds: number
  readonly workers: number
  /** The requests as the clients count them. */
  readonly clients: View['clients']
  readonly framesPerSecond: number
  readonly bus: View['bus']
  readonly death: {
    readonly node: number
    readonly pid: number
    readonly incarnation: number
    readonly seenAfterMs: number | null
  }
  /** The new owner of the job after the death of the old one, the time that this took, and the tokens of both. */
  readonly election: { readonly to: number; readonly tokens: readonly [number, number]; readonly tookMs: number } | null
  /** What the new worker found: frames, those of its dead predecessor, and what the fleet had counted. */
  readonly takeOver: {
    readonly pid: number
    readonly incarnation: number
    readonly history: number
    readonly predecessors: number
    /** How many frames of the predecessor the primary has seen. */
    readonly published: number
    readonly counted: number
    readonly exported: number
  } | null
  /** One line for each process that ended unexpectedly. */
  readonly unexpected: readonly string[]
  /** Names in shared memory before the end, and those that remain after it. */
  readonly objects: number
  readonly left: readonly string[]
}

/** A worker that is killed may have published or taken, and not counted yet. */
const isOneOff = (more: number, less: number): boolean => more === less || more === less + 1

/** Returns one line for each promise that these totals break. */
export function brokenPromises(totals: Totals): string[] {
  const { requests, clients, bus, counted, exports, death, election, takeOver } = totals
  const { limit, taken, allowed } = exports
  const kept: [isKept: boolean, otherwise: string][] = [
    [totals.workers === workerCount, `${totals.workers} of ${workerCount} workers started`],
    [requests > 0, 'no request was served'],
    ...(['lost', 'torn', 'repeated', 'unread', 'unaccounted'] as const).map((what): [boolean, string] => [
      totals[what] === 0,
      `${totals[what]} frames were ${what}`,
    ]),
    [
      clients.answered <= requests,
      `clients got ${clients.answered} answers, but only ${requests} requests have frames`,
    ],
    [bus.lost === 0, `${bus.lost} events were lost`],
    [isOneOff(requests, bus.served), `${requests} requests have frames, ${bus.served} an event`],
    [bus.rendered > 0 && bus.rendered < requests, `the page was rendered ${bus.rendered} times`],
    [bus.staleRuns === 0, `the job ran ${bus.staleRuns} times with a token older than that of an earlier run`],
    [isOneOff(requests, counted), `${requests} requests have frames, ${counted} are counted`],
    [taken <= limit && taken >= Math.min(limit, requests), `${taken} of ${limit} exports were allowed`],
    [isOneOff(taken, allowed), `${taken} exports were allowed, ${allowed} are counted`],
    [death.seenAfterMs !== null, `the death of pid ${death.pid} on node ${death.node} was not seen`],
    [election !== null, `no worker was elected in place of node ${death.node}`],
    [takeOver?.incarnation === death.incarnation + 1, `no new worker took over node ${death.node}`],
    [
      takeOver?.predecessors === takeOver?.published,
      `the new worker found ${takeOver?.predecessors} frames of its predecessor, which had published ${takeOver?.published}`,
    ],
    [totals.objects > 0, 'the fleet had no object in shared memory'],
    [totals.left.length === 0, `left in shared memory: ${totals.left.join(', ')}`],
  ]
  return [...kept.flatMap(([isKept, otherwise]) => (isKept ? [] : [otherwise])), ...totals.unexpected]
}

const count = (value: number): string => value.toLocaleString('en-US')

/** The totals as lines of text. */
export function linesOf(totals: Totals): string[] {
  const { clients, death, election, takeOver, bus, exports } = totals
  const { lost, torn, repeated, seconds } = totals
  const before = (value: number | undefined) => (value === undefined ? '' : `, ${count(value)} before the new worker`)
  return [
    `requests   ${count(totals.requests)} served, ${count(clients.answered)} answered, ${clients.failed} failed at the clients`,
    `frames     ${count(totals.frames)}, ${count(totals.framesPerSecond)} per second: ${lost} lost, ${torn} torn, ${repeated} repeated`,
    `death      node ${death.node}, pid ${death.pid}: seen after ${death.seenAfterMs} ms`,
    `election   node ${election?.to} runs the job in its place after ${election?.tookMs} ms, token ${election?.tokens.join(' -> ')}`,
    `job        ran ${bus.runs} times, ${bus.staleRuns} of them with an outdated token`,
    `page       rendered ${bus.rendered} times for ${count(totals.requests)} requests`,
    `take-over  pid ${takeOver?.pid} found ${count(takeOver?.history ?? 0)} frames, ${count(takeOver?.predecessors ?? 0)} of them its predecessor's`,
    `counter    ${count(totals.counted)} requests${before(takeOver?.counted)}`,
    `limit      ${exports.taken} of ${exports.limit} exports allowed${before(takeOver?.exported)}`,
    `memory     ${totals.objects} names removed, ${totals.left.length} left`,
    `time       ${seconds} s${seconds > longestRunSeconds ? ': this machine is very busy' : ''}`,
  ]
}
