import { Boxes } from '../core/boxes.js'
import { countEntries } from '../core/cells.js'
import { CounterTable } from '../core/counters.js'
import type { Handle } from '../core/handle.js'
import { native, status, translated } from '../core/native.js'
import type { NodeRecord } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { Ring, type RingStats } from '../core/ring.js'
import { resultTo } from '../core/scratch.js'
import { isOfLayer } from './kinds.js'

/** What a node that died left in a ring, until the next owner of the node cleans it up. */
interface DeadNode {
  readonly node: number
  /** The chunk that only this node could write. */
  readonly chunk: number
  /** The position that it was about to fill, and the chunk that it would have received; absent: it was idle. */
  readonly position?: number
  readonly nextChunk?: number
}

/** One inbox of an inbox object that has an owner, or messages. */
export interface InboxReport {
  readonly instance: number
  /** Messages that are accepted and not committed. */
  readonly depth: number
  readonly capacity: number
  /** Messages that were accepted so far. */
  readonly accepted: number
  /** Sends that were refused because it was full. */
  readonly refused: number
  /** Calls that its owner has open: sent, and neither answered nor given up. */
  readonly openCalls: number
  /** The oldest message that is not committed; absent: there is none. */
  readonly oldest?: { readonly position: number; readonly node: number; readonly bytes: number }
  /** Absent: no process owns it. */
  readonly owner?: { readonly node: number; readonly pid: number; readonly isAlive: boolean }
}

/** What the bytes of a ring, a table or an inbox say about it. */
export interface RingReport extends Readonly<RingStats> {
  readonly form: 'ring' | 'table' | 'inbox'
  /** The canonical text of the pod, with all fields that members have added; '': untyped, or too long to be stored. */
  readonly schema: string
  readonly createdAtMs: number
  /** The position of the last reset; 0: never reset. */
  readonly floor: number
  /** Nodes that sleep until it has news. */
  readonly sleepers: number
  readonly deadNodes: readonly DeadNode[]
  /** Present in the report of a cache: the lookups of all members so far. */
  readonly lookups?: { readonly hits: number; readonly misses: number }
  /** Present in the report of a table, in which `head` and `oldest` are 0. */
  readonly table?: {
    /**
     * Claims that have not expired and have a living owner; of a presence: its entries with a living owner; of
     * counters: those that have a value.
     */
    readonly claims: number
    /** Of these: claims for the life of their process, without expiry. */
    readonly lifeClaims: number
    /** Buckets that hold a claim, including expired ones. */
    readonly usedBuckets: number
    readonly damagedBuckets: number
    readonly tokensDrawn: number
  }
  /**
   * Present in the report of an inbox, in which `head` counts the messages that were accepted in all instances, and
   * `oldest` those that were committed.
   */
  readonly inboxes?: readonly InboxReport[]
}

/**
 * Inspects the ring or the table of a KIND, without knowing its type.
 *
 * @param nodes the nodes of the fleet: the report names those that died and left something in the ring
 * @returns undefined when the KIND has no ring
 * @throws ERR_ORBIT_CORRUPT, and every other error of opening the ring
 */
export function inspectRing(fleet: FleetObserver, kind: number, nodes: readonly NodeRecord[]): RingReport | undefined {
  const found = fleet.existing(kind)
  if (found === undefined) return undefined
  const { handle } = found
  const object = translated(() => native.inspectRing(handle))
  if (object.isRetired) found.refuse(status.retired)
  const { createdAtMs, floor, sleepers, tokensDrawn, schema, cacheHits: hits, cacheMisses: misses } = object
  const info = found.info()
  return {
    ...info,
    ...(isOfLayer('cache', info.name) && { lookups: { hits, misses } }),
    form: found instanceof Boxes ? 'inbox' : found instanceof Ring ? 'ring' : 'table',
    schema,
    createdAtMs,
    head: 0,
    oldest: 0,
    floor,
    sleepers,
    deadNodes: nodes.filter(({ alive }) => !alive).flatMap(({ node }) => deadNode(found, node)),
    ...contentOf(found, tokensDrawn),
  }
}

/** What depends on the form of the object. */
function contentOf(found: Handle, tokensDrawn: number) {
  if (found instanceof Ring) return { head: found.head(), oldest: found.oldest() }
  if (found instanceof Boxes) return inboxReport(found)
  if (found instanceof CounterTable) return { table: countersReport(found) }
  return { table: tableReport(found, tokensDrawn) }
}

function inboxReport(found: Boxes) {
  let [head, oldest] = [0, 0]
  const inboxes: InboxReport[] = []
  for (let instance = 0; instance < found.boxes; instance++) {
    const { committed, refused, owner, openCalls, ...box } = found.look(instance)
    head += box.head
    oldest += committed
    const depth = box.head - committed
    if (owner === undefined && depth === 0) continue
    const shown = owner && { owner: { node: owner.node, pid: owner.pid, isAlive: owner.isAlive } }
    const [message] = depth > 0 ? found.peek(instance, committed, 1).messages : []
    const first = message && {
      oldest: { position: message.position, node: message.node, bytes: message.payload.length },
    }
    const counts = { depth, capacity: found.perBox, accepted: box.head, refused, openCalls }
    inboxes.push({ instance, ...counts, ...first, ...shown })
  }
  return { head, oldest, inboxes }
}

function deadNode({ handle }: Handle, node: number): DeadNode[] {
  const entry = translated(() => native.inspectHand(handle, node))
  if (entry === undefined) return []
  const { hand, intentPosition, intentChunk } = entry
  return [
    { node, chunk: hand, ...(intentPosition !== undefined && { position: intentPosition, nextChunk: intentChunk }) },
  ]
}

function tableReport({ handle, name, capacity }: Handle, tokensDrawn: number) {
  if (name.startsWith('orbit.presence:')) return presenceReport(handle, capacity)
  const { claims, lifeClaims, buckets, damaged } = translated(() => native.inspectTable(handle))
  return { claims, lifeClaims, usedBuckets: buckets, damagedBuckets: damaged, tokensDrawn }
}

function countersReport(table: CounterTable) {
  let counters = 0
  for (let bucket = 0; bucket >= 0; ) {
    bucket = table.list(bucket, '', () => {
      counters++
    })
  }
  return { claims: counters, lifeClaims: 0, usedBuckets: counters, damagedBuckets: 0, tokensDrawn: 0 }
}

function presenceReport(handle: number, capacity: number) {
  const stamps = new Uint8Array(capacity * 8)
  let entries = 0
  for (let from = 0; from < capacity; from = resultTo()) {
    const count = native.entriesChanged(handle, from, stamps)
    if (count < 0) break
    entries += countEntries(count)
  }
  return { claims: entries, lifeClaims: 0, usedBuckets: entries, damagedBuckets: 0, tokensDrawn: 0 }
}

/**
 * Inspects the header of an object.
 *
 * @returns undefined when the object is missing or unfinished
 * @throws what opening the object would throw
 */
export function inspectObject(fleet: string, kind: number | 'fleet') {
  return translated(() => native.inspectObject(fleet, kind === 'fleet' ? -1 : kind))
}
