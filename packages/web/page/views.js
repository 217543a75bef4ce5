// Tables and texts. All text of a fleet goes through textContent: it is never read as HTML.

/** An element with attributes and children, which are elements or texts. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value)
    else if (value !== undefined) made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

export const durationText = (ms) => {
  if (ms === null || ms === undefined) return '-'
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`
}
export const bytesText = (bytes) => (bytes === null ? '-' : `${(bytes / 2 ** 20).toFixed(1)} MiB`)
export const rateText = (rate) => (rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate)).toLocaleString('en')
const percentText = (share) => (share === null ? '-' : `${(share * 100).toFixed(1)} %`)
export const payloadText = ({ format, payload }) => (format === 'text' ? payload : JSON.stringify(payload))

const stateClass = { alive: 'good', stale: 'warn', stopped: 'warn', dead: 'bad' }

export const memberColumns = [
  { title: 'node', number: true, text: ({ node }) => node },
  { title: 'pid', number: true, text: ({ pid }) => pid },
  { title: 'label', text: ({ label }) => label },
  { title: 'state', text: ({ state }) => state, style: ({ state }) => stateClass[state] },
  {
    title: 'loop delay',
    number: true,
    text: ({ loopDelayMs }) => durationText(loopDelayMs),
    style: ({ loopDelayMs }) => (loopDelayMs >= 1000 ? 'bad' : loopDelayMs >= 100 ? 'warn' : undefined),
  },
  { title: 'cpu', number: true, text: ({ cpu }) => (cpu === null ? '-' : `${Math.round(cpu * 100)} %`) },
  { title: 'memory', number: true, text: ({ rssBytes }) => bytesText(rssBytes) },
  { title: 'beat', number: true, text: ({ beatAgeMs }) => durationText(beatAgeMs) },
  { title: 'calls/s', number: true, text: ({ callsPerSecond: rate }) => (rate === null ? '-' : rateText(rate)) },
  { title: 'calls', number: true, text: ({ calls }) => calls ?? '-' },
  { title: 'status', text: ({ status }) => status },
]

export const ringColumns = [
  { title: 'kind', number: true, text: ({ kind }) => kind },
  { title: 'name', text: ({ name }) => name },
  { title: 'per s', number: true, text: ({ perSecond }) => rateText(perSecond) },
  { title: 'reads/s', number: true, text: ({ readsPerSecond: rate }) => (rate === null ? '-' : rateText(rate)) },
  { title: 'hits', number: true, text: ({ hitRate }) => percentText(hitRate) },
  { title: 'head', number: true, text: ({ head }) => head },
  { title: 'retained', number: true, text: ({ retained, capacity }) => `${retained}/${capacity}` },
  { title: 'sleepers', number: true, text: ({ sleepers }) => sleepers },
  {
    title: 'burned',
    number: true,
    text: ({ burned }) => burned,
    style: ({ burned }) => (burned > 0 ? 'warn' : undefined),
  },
]

export const storeColumns = [
  { title: 'kind', number: true, text: ({ kind }) => kind },
  { title: 'store', text: ({ name }) => name },
  { title: 'reads/s', number: true, text: ({ readsPerSecond }) => rateText(readsPerSecond) },
  { title: 'hits', number: true, text: ({ hitRate }) => percentText(hitRate) },
  { title: 'writes/s', number: true, text: ({ writesPerSecond }) => rateText(writesPerSecond) },
  { title: 'evicted/s', number: true, text: ({ evictedPerSecond }) => rateText(evictedPerSecond) },
  { title: 'used', number: true, text: ({ usedBytes, bytes }) => percentText(usedBytes / bytes) },
  { title: 'live', number: true, text: ({ liveShare }) => percentText(liveShare) },
  { title: 'entries', number: true, text: ({ entries }) => entries },
]

export const actorColumns = [
  { title: 'actors', text: ({ system }) => system },
  { title: 'node', number: true, text: ({ node }) => node },
  { title: 'partitions', number: true, text: ({ partitions }) => partitions },
  { title: 'calls/s', number: true, text: ({ callsPerSecond }) => rateText(callsPerSecond) },
  { title: 'active', number: true, text: ({ active }) => active },
  { title: 'waiting', number: true, text: ({ waiting }) => waiting },
  {
    title: 'oldest',
    number: true,
    text: ({ oldestMs }) => durationText(oldestMs),
    style: ({ oldestMs }) => (oldestMs >= 10_000 ? 'bad' : oldestMs >= 1000 ? 'warn' : undefined),
  },
]

export const groupColumns = [
  { title: 'namespace', text: ({ namespace }) => namespace },
  { title: 'prefix', text: ({ prefix }) => prefix ?? '-' },
  { title: 'keys', number: true, text: ({ keys }) => keys },
  { title: 'bytes', number: true, text: ({ valueBytes }) => valueBytes },
  { title: 'read', number: true, text: ({ read }) => read },
]

export const keyColumns = [
  { title: 'namespace', text: ({ namespace }) => namespace },
  { title: 'key', text: ({ key }) => key },
  { title: 'bytes', number: true, text: ({ valueBytes }) => valueBytes },
  { title: 'age', number: true, text: ({ ageMs }) => durationText(ageMs) },
  { title: 'left', number: true, text: ({ expiresInMs }) => durationText(expiresInMs) },
  { title: 'read', number: true, text: ({ frequency }) => (frequency === 3 ? '3+' : frequency) },
]

export const counterColumns = [
  { title: 'name', text: ({ name }) => name },
  { title: 'kind', text: ({ kind }) => kind },
  { title: 'value', number: true, text: ({ value }) => value },
  { title: 'left', number: true, text: ({ expiresInMs }) => durationText(expiresInMs) },
]

export const fleetColumns = [
  { title: 'fleet', text: ({ fleet }) => fleet },
  { title: 'alive', number: true, text: ({ nodesAlive, size }) => `${nodesAlive}/${size}` },
  {
    title: 'dead',
    number: true,
    text: ({ nodesDead }) => nodesDead,
    style: ({ nodesDead }) => (nodesDead > 0 ? 'bad' : undefined),
  },
  { title: 'claims', number: true, text: ({ claims }) => claims },
  { title: 'problems', text: ({ problems }) => problems.join('; '), style: () => 'bad' },
]

export const entryColumns = [
  { title: 'namespace', text: ({ namespace }) => namespace },
  { title: 'key', text: ({ key }) => key },
  { title: 'bytes', number: true, text: ({ bytes }) => bytes },
  { title: 'left', number: true, text: ({ expiresInMs }) => durationText(expiresInMs) },
  { title: 'value', long: true, text: payloadText },
]

export const claimColumns = [
  { title: 'subject', text: ({ subject }) => subject.label },
  { title: 'owner', text: ({ owner }) => owner },
  { title: 'node', number: true, text: ({ node }) => node },
  { title: 'pid', number: true, text: ({ pid }) => pid },
  { title: 'token', number: true, text: ({ token }) => token },
  {
    title: 'left',
    number: true,
    text: ({ expiresInMs }) => (expiresInMs === null ? 'for life' : durationText(expiresInMs)),
  },
]

export const findingColumns = [
  {
    title: 'level',
    text: ({ level }) => level,
    style: ({ level }) => ({ problem: 'bad', warning: 'warn', ok: 'good' })[level],
  },
  { title: 'found', text: ({ found }) => found },
  { title: 'meaning', text: ({ meaning }) => meaning },
  { title: 'fix', long: true, text: ({ fix }) => fix ?? '' },
]

export const itemColumns = [
  { title: 'position', number: true, text: ({ item, position, from }) => (item === 'loss' ? from : position) },
  { title: 'node', number: true, text: ({ node }) => node ?? '' },
  {
    title: 'what',
    text: ({ item, topic, op, key }) => (item === 'loss' ? 'lost' : (topic ?? (op ? `${op} ${key}` : ''))),
  },
  {
    title: 'payload',
    long: true,
    text: (item) => (item.item === 'loss' ? `${item.lost} overwritten` : payloadText(item)),
  },
]

/** A heading and a table; a row with something to open can be focused. */
export function table(title, columns, rows, { open, keyOf } = {}) {
  const cell = (tag, column, text, style) =>
    element(tag, { class: [column.number && 'number', column.long && 'long', style].filter(Boolean).join(' ') }, text)
  const head = element('tr', {}, ...columns.map((column) => cell('th', column, column.title)))
  const body = rows.map((row) => {
    const onOpen = open && (() => open(row))
    const attributes = open
      ? { tabindex: '0', 'data-key': keyOf(row), onclick: onOpen, onkeydown: ({ key }) => key === 'Enter' && onOpen() }
      : {}
    const cells = columns.map((column) =>
      cell('td', column, column.element?.(row) ?? String(column.text(row)), column.style?.(row)),
    )
    return element('tr', attributes, ...cells)
  })
  const content = rows.length === 0 ? element('p', { class: 'dim' }, 'none') : element('table', {}, head, ...body)
  return element('section', {}, element('h2', {}, title), element('div', { class: 'scroll' }, content))
}
