// What shows the content of a ring, a table, an inbox or a store, by the name in its header.
import { act, actionButton, formsOf, mayWrite } from '/actions.js'
import {
  bytesText,
  claimColumns,
  counterColumns,
  element,
  entryColumns,
  groupColumns,
  itemColumns,
  keyColumns,
  payloadText,
  table,
} from '/views.js'

/** The layer of a name such as orbit.cache:sessions, and the name of the caller in it. */
export function layerOf(name) {
  const [, layer = '', own = ''] = /^orbit\.(\w+)(?::(.*))?$/s.exec(name) ?? []
  return { layer, own }
}

const commands = { cache: 'cache', contest: 'claims', counters: 'counters', store: 'store' }

/** 'tail': a stream of items; else the command of orbit that is asked again and again. */
export const sourceOf = ({ name, form }) => commands[layerOf(name).layer] ?? (form === 'ring' ? 'tail' : 'stat')

/** The parameters of the question for a place. */
export function questionFor(object, { fleet, kind, rest }) {
  const { own } = layerOf(object.name)
  const [part = '', namespace = '', key = ''] = rest
  return { what: sourceOf(object), fleet, kind, name: own, part, namespace, key }
}

/** A column with a button, if the page may write. */
const buttonColumn = (text, run) =>
  mayWrite ? [{ title: '', text: () => '', element: (row) => actionButton(text, () => run(row)) }] : []

const quoted = JSON.stringify

function claimsOf({ fleet }, own, found) {
  const warning = 'another process can claim it at once, and what the holder has begun goes on'
  const release = ({ subject: { label, kind } }) =>
    act('release', { fleet, name: own, subject: label, kind: String(kind) }, `release ${quoted(label)}: ${warning}`)
  return (rows) => [table('claims', [...claimColumns, ...buttonColumn('release', release)], rows(found?.claims ?? []))]
}

function entriesOf({ fleet }, own, found) {
  const remove = ({ namespace, key }) =>
    act('cache delete', { fleet, name: own, namespace, value: key }, `delete ${quoted(key)} of ${quoted(namespace)}`)
  return (rows) => [table('entries', [...entryColumns, ...buttonColumn('delete', remove)], rows(found?.entries ?? []))]
}

/** How a store is used and its prefixes; the keys of a prefix; or one value. */
function storeOf({ fleet, kind, rest }, own, found, go) {
  const [part] = rest
  if (part === 'value') return () => [element('h2', {}, 'value'), element('pre', {}, found ? payloadText(found) : '')]
  if (part === 'keys') {
    const remove = ({ namespace, key }) =>
      act('store delete', { fleet, name: own, namespace, value: key }, `delete ${quoted(key)} of ${quoted(namespace)}`)
    const open = ({ namespace, key }) => go(fleet, kind, 'value', namespace, key)
    const columns = [...keyColumns, ...buttonColumn('delete', remove)]
    const keyOf = ({ namespace, key }) => `${namespace}\0${key}`
    return (rows) => [table('keys', columns, rows(found?.entries ?? []), { open, keyOf })]
  }
  const open = ({ namespace, prefix }) => go(fleet, kind, 'keys', namespace, prefix ?? '')
  const keyOf = ({ namespace, prefix }) => `${namespace}\0${prefix}`
  const facts = found?.store === undefined ? [] : [found.store]
  return (rows) => [
    table('use', useColumns, facts),
    table('keys by prefix', groupColumns, rows(found?.prefixes ?? []), { open, keyOf }),
  ]
}

const useColumns = [
  { title: 'budget', number: true, text: ({ objectBytes }) => bytesText(objectBytes) },
  { title: 'used', number: true, text: ({ usedBytes }) => bytesText(usedBytes) },
  { title: 'segments', number: true, text: ({ usedSegments, segments }) => `${usedSegments}/${segments}` },
  { title: 'hits', number: true, text: ({ hits }) => hits },
  { title: 'misses', number: true, text: ({ misses }) => misses },
  { title: 'puts', number: true, text: ({ puts }) => puts },
  { title: 'evicted', number: true, text: ({ evicted }) => evicted },
  { title: 'conflicts', number: true, text: ({ conflicts }) => conflicts },
  { title: 'refused', number: true, text: ({ refused }) => refused },
]

function itemsOf({ items, skipped }) {
  const omitted = skipped > 0 ? `, ${skipped.toLocaleString('en')} not shown: too many` : ''
  return (rows) => [table(`newest frames${omitted}`, itemColumns, rows(items).toReversed())]
}

const byCommand = {
  cache: entriesOf,
  claims: claimsOf,
  counters: (_, __, found) => (rows) => [table('counters', counterColumns, rows(found?.counters ?? []))],
  store: storeOf,
  stat: (_, __, found) => () => [element('pre', {}, JSON.stringify(found?.rings?.[0] ?? {}, null, 2))],
}

/** The content of an object, and the forms that change it. `wanted` filters rows. */
export function contentsOf(object, at, state, wanted, go) {
  const { own } = layerOf(object.name)
  const source = sourceOf(object)
  const view = source === 'tail' ? itemsOf(state) : byCommand[source](at, own, state.found, go)
  const problem = state.found?.error?.message
  return [...view(wanted), ...(problem === undefined ? [] : [element('p', { class: 'bad' }, problem)])]
}

/** The forms of an object, which stay as they are while the tables around them are drawn anew. */
export const formsFor = (object, { fleet }) => {
  const { layer, own } = layerOf(object.name)
  return mayWrite ? formsOf(layer, fleet, own) : []
}
