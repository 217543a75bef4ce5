import { abi, native, translated } from '../core/native.js'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import type { Ring } from '../core/ring.js'

export const { cacheKind, eventKind, contestKind } = abi

/** What a node that died left in a ring, until the node's next owner settles it. */
interface DeadHand {
  readonly node: number
  /** The chunk that only it could write. */
  readonly hand: number
  /** The position it was about to fill, and the chunk it would have received; absent: it was not publishing. */
  readonly intentPosition?: number
  readonly intentChunk?: number
}

/** A ring, or a table, as its header, slots and entries tell. */
export interface RingReport {
  readonly kind: number
  readonly name: string
  readonly form: 'ring' | 'table'
  readonly capacity: number
  readonly payloadBytes: number
  /** Of the pod layout; 0n: untyped. */
  readonly fingerprint: bigint
  /** The canonical text of the pod layout; '': untyped, or too long to be kept. */
  readonly schema: string
  readonly objectBytes: number
  readonly createdAtMs: number
  /** It was removed while somebody still had it open. */
  readonly isRetired: boolean
  /** The next position; of a table 0. */
  readonly head: number
  readonly oldest: number
  /** Where the last reset was. */
  readonly floor: number
  /** Nodes that sleep until it has news. */
  readonly sleepers: number
  readonly spares: number
  readonly burned: number
  /** Publishes that were refused. */
  readonly refused: number
  readonly deadHands: readonly DeadHand[]
  /** Of a table. */
  readonly table?: {
    /** Living claims. */
    readonly claims: number
    /** That hold any claim, also one that is over. */
    readonly usedBuckets: number
    readonly damagedBuckets: number
    readonly tokensDrawn: number
  }
}

/** The KINDs that have a ring, by the fleet's own word. */
export function kindsOf(fleet: FleetObserver): number[] {
  fleet.checkOpen()
  return translated(() => native.inspectFleet(fleet.handle)).kinds
}

/**
 * What is to be said of a ring of whatever type.
 *
 * @param nodes those of the fleet, by whom hands of the dead are told
 * @returns undefined when there is none
 * @throws ERR_ORBIT_CORRUPT and what else opening it throws
 */
export function inspectRing(fleet: FleetObserver, kind: number, nodes: readonly NodeRecord[]): RingReport | undefined {
  const ring = fleet.existing(kind)
  if (ring === undefined) return undefined
  const { handle } = ring
  const object = translated(() => native.inspectRing(handle))
  const { createdAtMs, isRetired, isTable, floor, sleepers, tokensDrawn, schema } = object
  const info = translated(() => native.ringInfo(handle))
  return {
    ...info,
    form: isTable ? 'table' : 'ring',
    schema,
    createdAtMs,
    isRetired,
    head: isTable ? 0 : ring.head(),
    oldest: isTable ? 0 : ring.oldest(),
    floor,
    sleepers,
    deadHands: nodes.filter(({ alive }) => !alive).flatMap(({ node }) => deadHand(ring, node)),
    ...(isTable && { table: tableReport(handle, tokensDrawn) }),
  }
}

function deadHand(ring: Ring, node: number): DeadHand[] {
  const hand = translated(() => native.inspectHand(ring.handle, node))
  return hand === undefined ? [] : [{ node, ...hand }]
}

function tableReport(handle: number, tokensDrawn: number) {
  const { claims, buckets, damaged } = translated(() => native.inspectTable(handle))
  return { claims, usedBuckets: buckets, damagedBuckets: damaged, tokensDrawn }
}

/** What is wrong with an object, by what opening it throws; undefined: missing or unfinished. */
export function inspectObject(fleet: string, kind: number | 'fleet') {
  return translated(() => native.inspectObject(fleet, kind === 'fleet' ? -1 : kind))
}
