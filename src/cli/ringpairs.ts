import type { InboxReport } from '../inspect/report.js'
import { hitRateOf } from '../inspect/stores.js'
import type { RingStat } from './ringstat.js'
import { percentText } from './storetext.js'
import { bytesText, counted, durationText, fingerprintText, rateText } from './text.js'

export const rateOf = ({ perSecond }: RingStat): string => (perSecond === null ? '-' : rateText(perSecond))

function deadNodeText({ node, chunk, position, nextChunk }: RingStat['deadNodes'][number]): string {
  const activity =
    position === undefined
      ? 'and was not publishing'
      : `while it was about to fill position ${position} and receive chunk ${nextChunk}`
  return `node ${node} died ${activity}; it held chunk ${chunk}, which goes to the next owner of the node`
}

function tablePairs(ring: RingStat, table: NonNullable<RingStat['table']>): [string, string][] {
  return [
    ['buckets', `${ring.capacity}, ${table.usedBuckets} in use, ${table.damagedBuckets} damaged`],
    ['claims', table.lifeClaims === 0 ? String(table.claims) : `${table.claims}, ${table.lifeClaims} of them for life`],
    ['tokens drawn', `${table.tokensDrawn} (${rateOf(ring)} per second)`],
  ]
}

function framePairs(ring: RingStat): [string, string][] {
  const { capacity, head, oldest, retained, floor } = ring
  return [
    ['slots', String(capacity)],
    ['head', `${head} (${rateOf(ring)} per second)`],
    ['retained', retained === 0 ? 'no frames' : `${counted(retained, 'frame')}: positions ${oldest}..${head - 1}`],
    ['last reset', floor === 0 ? 'never' : `at position ${floor}`],
  ]
}

function inboxText({ depth, capacity, refused, oldest, openCalls, owner }: InboxReport): string {
  const first = oldest && `oldest #${oldest.position} of node ${oldest.node}, ${counted(oldest.bytes, 'byte')}`
  const calls = openCalls > 0 ? `${counted(openCalls, 'call')} open` : undefined
  const holder = owner ? `node ${owner.node} (pid ${owner.pid})${owner.isAlive ? '' : ', dead'}` : 'none'
  const parts = [`${depth} of ${capacity}`, first, `${refused} refused as full`, calls, `owner ${holder}`]
  return parts.filter((part) => part !== undefined).join(', ')
}

function inboxPairs(ring: RingStat, inboxes: NonNullable<RingStat['inboxes']>): [string, string][] {
  return [
    ['accepted', `${ring.head} (${rateOf(ring)} per second)`],
    ['not committed', counted(ring.retained, 'message')],
    ...inboxes.map((inbox): [string, string] => [`inbox ${inbox.instance}`, inboxText(inbox)]),
  ]
}

function contentPairs(ring: RingStat): [string, string][] {
  if (ring.inboxes !== undefined) return inboxPairs(ring, ring.inboxes)
  return ring.table ? tablePairs(ring, ring.table) : framePairs(ring)
}

const lookupsText = ({ hits, misses }: NonNullable<RingStat['lookups']>): string =>
  `${hits} hits of ${hits + misses}, ${percentText(hitRateOf(hits, misses))}`

function podText({ fingerprint, schema }: RingStat): string {
  if (fingerprint === 0n) return 'none: payloads are bytes'
  return `${schema || 'unknown'} (fingerprint ${fingerprintText(fingerprint)})`
}

/** Every detail of a ring, a table or an inbox object: names and values. */
export function ringPairs(ring: RingStat): [string, string][] {
  const age = durationText(Math.max(0, Date.now() - ring.createdAtMs))
  return [
    ['kind', `${ring.kind}, ${ring.form === 'inbox' ? 'an' : 'a'} ${ring.form}`],
    ['name', ring.name],
    ['pod', podText(ring)],
    ['payload', `at most ${ring.payloadBytes} bytes`],
    ['object', `${bytesText(ring.objectBytes)}, created ${age} ago`],
    ...contentPairs(ring),
    ...(ring.lookups ? [['lookups', lookupsText(ring.lookups)] as [string, string]] : []),
    ['spare chunks', `${ring.spares}, ${ring.burned} lost`],
    ['refused', `${ring.refused} publishes`],
    ['missed wakes', String(ring.missedWakes)],
    ['sleepers', counted(ring.sleepers, 'node')],
    ...ring.deadNodes.map((node): [string, string] => ['dead node', deadNodeText(node)]),
  ]
}
