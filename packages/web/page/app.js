import uPlot from '/uplot.js'
import {
  claimColumns,
  element,
  entryColumns,
  findingColumns,
  fleetColumns,
  itemColumns,
  memberColumns,
  ringColumns,
  table,
} from '/views.js'

const byId = (id) => document.getElementById(id)
const main = byId('main')
const filter = byId('filter')

/** Where the page is: all fleets, a fleet, or a ring of it. In the address, so that a reload stays there. */
const place = () => {
  const [fleet, kind] = location.hash.slice(1).split('/').map(decodeURIComponent)
  return { fleet: fleet || undefined, kind: kind === undefined ? undefined : Number(kind) }
}
const go = (...parts) => {
  location.hash = parts.map(encodeURIComponent).join('/')
}

const state = {
  sample: { fleets: [] },
  isPaused: false,
  items: [],
  skipped: 0,
  found: undefined,
  error: '',
  tail: undefined,
}
/** Rates by fleet and KIND, for the charts: [seconds, rate]. */
const rates = new Map()
const chartSeconds = 120
let chart

function noteRates({ unixMs, fleets }) {
  for (const { rings } of fleets) {
    for (const { fleet, kind, perSecond, history } of rings) {
      if (history.length === 0) continue // the first sample of a ring has no rate
      const key = `${fleet}/${kind}`
      const points = rates.get(key) ?? []
      points.push([unixMs / 1000, perSecond])
      rates.set(
        key,
        points.filter(([at]) => at > unixMs / 1000 - chartSeconds),
      )
    }
  }
}

const samples = new EventSource('/samples')
samples.addEventListener('sample', ({ data }) => {
  state.error = ''
  const sample = JSON.parse(data)
  noteRates(sample)
  if (state.isPaused) return
  state.sample = sample
  render()
})
samples.addEventListener('problem', ({ data }) => {
  state.error = JSON.parse(data).message
  render()
})
samples.onerror = () => {
  state.error = 'orbit-web does not answer'
  render()
}

/** Asks a command of the server, and shows the answer when the page is still at the same place. */
async function ask(what, { fleet, kind }) {
  const asked = location.hash
  const [, name = ''] = /:(.*)$/s.exec(ringOf({ fleet, kind })?.name ?? '') ?? []
  const response = await fetch(`/ask?${new URLSearchParams({ what, fleet, kind: kind ?? '', name })}`)
  const found = await response.json()
  if (location.hash !== asked || state.isPaused) return
  state.found = found
  render()
}

const ringOf = ({ fleet, kind }) =>
  state.sample.fleets.find((each) => each.fleet === fleet)?.rings.find((ring) => ring.kind === kind)

const isOf = (layer, name) => name === `orbit.${layer}` || name.startsWith(`orbit.${layer}:`)

/** What shows the content of a ring: a stream of items, or a command that is asked again and again. */
const sourceOf = ({ name, form }) =>
  form !== 'ring' ? (isOf('contest', name) ? 'claims' : 'stat') : isOf('cache', name) ? 'cache' : 'tail'

function follow() {
  state.tail?.close()
  state.tail = undefined
  Object.assign(state, { items: [], skipped: 0, found: undefined })
  const at = place()
  if (at.kind === undefined) return at.fleet && ask('doctor', at)
  const ring = ringOf(at)
  if (ring === undefined || sourceOf(ring) !== 'tail') return
  const pattern = isOf('events', ring.name) ? byId('pattern')?.value || '' : ''
  const tail = new EventSource(`/tail?${new URLSearchParams({ fleet: at.fleet, kind: at.kind, pattern })}`)
  tail.addEventListener('items', ({ data }) => {
    if (state.isPaused) return
    const { items, skipped } = JSON.parse(data)
    state.items = [...state.items, ...items].slice(-200)
    state.skipped += skipped
    render()
  })
  tail.addEventListener('problem', ({ data }) => {
    state.error = JSON.parse(data).message
    tail.close()
    render()
  })
  state.tail = tail
}

const wanted = (rows) => {
  const text = filter.value.toLowerCase()
  return text === '' ? rows : rows.filter((row) => JSON.stringify(row).toLowerCase().includes(text))
}

function fleetsView() {
  const { fleets } = state.sample
  return [
    table('fleets', fleetColumns, wanted(fleets), { open: ({ fleet }) => go(fleet), keyOf: ({ fleet }) => fleet }),
  ]
}

function fleetView({ fleet }) {
  const found = state.sample.fleets.find((each) => each.fleet === fleet)
  if (found === undefined) return [element('p', {}, `there is no fleet ${fleet}`)]
  const open = ({ kind }) => go(fleet, kind)
  return [
    table('members', memberColumns, wanted(found.members)),
    table('rings, tables and inboxes', ringColumns, wanted(found.rings), {
      open,
      keyOf: ({ kind }) => `${fleet}/${kind}`,
    }),
    table('doctor', findingColumns, wanted(state.found?.findings ?? [])),
  ]
}

function ringView(at) {
  const ring = ringOf(at)
  if (ring === undefined) return [element('p', {}, `fleet ${at.fleet} has no ring of KIND ${at.kind}`)]
  const parts = [table(`KIND ${ring.kind}`, ringColumns, [ring])]
  const source = sourceOf(ring)
  if (source === 'cache') parts.push(table('entries', entryColumns, wanted(state.found?.entries ?? [])))
  else if (source === 'claims') parts.push(table('claims', claimColumns, wanted(state.found?.claims ?? [])))
  else if (source === 'stat') parts.push(element('pre', {}, JSON.stringify(state.found?.rings?.[0] ?? {}, null, 2)))
  else {
    const newest = wanted(state.items).toReversed()
    const skipped = state.skipped > 0 ? `, ${state.skipped.toLocaleString('en')} not shown: too many` : ''
    parts.push(table(`newest frames${skipped}`, itemColumns, newest))
  }
  return parts
}

/** The rates of the rings of this place. Drawn into one canvas, which outlives the tables around it. */
function drawChart(at) {
  const host = byId('chart')
  if (at.fleet === undefined) return host?.remove()
  const rings = (state.sample.fleets.find(({ fleet }) => fleet === at.fleet)?.rings ?? [])
    .filter(({ kind }) => at.kind === undefined || kind === at.kind)
    .slice(0, 6)
  const series = rings.map(({ fleet, kind }) => rates.get(`${fleet}/${kind}`) ?? [])
  const times = [...new Set(series.flatMap((points) => points.map(([time]) => time)))].sort((a, b) => a - b)
  const data = [
    times,
    ...series.map((points) => {
      const by = new Map(points)
      return times.map((time) => by.get(time) ?? null)
    }),
  ]
  const key = rings.map(({ fleet, kind }) => `${fleet}/${kind}`).join()
  if (host === null || host.dataset.key !== key) return newChart(host, key, rings, data)
  chart.setData(data)
}

const colours = ['#3b82f6', '#16a34a', '#d97706', '#dc2626', '#9333ea', '#0891b2']

function newChart(old, key, rings, data) {
  old?.remove()
  const host = element('div', { id: 'chart', class: 'chart', 'data-key': key })
  main.before(host)
  const ink = getComputedStyle(document.documentElement).getPropertyValue('--dim')
  const axis = { stroke: ink, grid: { stroke: `${ink}33` } }
  const series = rings.map(({ name }, i) => ({ label: name, stroke: colours[i], width: 2 }))
  const options = { width: Math.min(900, innerWidth - 32), height: 160, series: [{}, ...series], axes: [axis, axis] }
  chart = new uPlot(options, data, host)
}

function pathView({ fleet, kind }) {
  const link = (text, ...parts) => element('a', { href: `#${parts.map(encodeURIComponent).join('/')}` }, text)
  const steps = [link('fleets')]
  if (fleet !== undefined) steps.push(' / ', link(fleet, fleet))
  if (kind !== undefined) steps.push(' / ', ringOf({ fleet, kind })?.name ?? String(kind))
  return steps
}

function alarms({ fleet }) {
  const fleets = state.sample.fleets.filter((each) => fleet === undefined || each.fleet === fleet)
  const members = fleets.flatMap((each) => each.members)
  const count = (wantedState) => members.filter((member) => member.state === wantedState).length
  const texts = ['dead', 'stopped', 'stale'].flatMap((each) => (count(each) > 0 ? `${count(each)} ${each}` : []))
  return [...texts, state.error].filter((text) => text !== '').join(', ')
}

function render() {
  const at = place()
  const focused = document.activeElement?.dataset?.key
  byId('path').replaceChildren(...pathView(at))
  byId('alarms').textContent = alarms(at)
  main.replaceChildren(
    ...(at.fleet === undefined ? fleetsView() : at.kind === undefined ? fleetView(at) : ringView(at)),
  )
  showPattern(at)
  drawChart(at)
  if (focused !== undefined) main.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus()
  // A ring is known only from the first sample on.
  if (at.kind !== undefined && state.tail === undefined && ringOf(at) && sourceOf(ringOf(at)) === 'tail') follow()
}

/** The pattern of an event bus: outside of what is drawn anew, so that it keeps its text and its focus. */
function showPattern(at) {
  const ring = at.kind === undefined ? undefined : ringOf(at)
  const isShown = ring !== undefined && isOf('events', ring.name)
  if (!isShown) byId('pattern')?.remove()
  else if (byId('pattern') === null) {
    const input = element('input', {
      id: 'pattern',
      type: 'search',
      placeholder: 'topic, such as orders.*',
      onchange: follow,
    })
    filter.before(input)
  }
}

setInterval(() => {
  const at = place()
  const ring = at.kind === undefined ? undefined : ringOf(at)
  if (ring !== undefined && !state.isPaused && sourceOf(ring) !== 'tail') ask(sourceOf(ring), at)
}, 1000)

addEventListener('hashchange', () => {
  filter.value = ''
  follow()
  render()
})
addEventListener('keydown', (event) => {
  const isTyping = document.activeElement instanceof HTMLInputElement
  if (event.key === 'Escape') {
    if (isTyping) document.activeElement.blur()
    else go(...(place().kind === undefined ? [] : [place().fleet]))
  } else if (event.key === '/' && !isTyping) {
    event.preventDefault()
    filter.focus()
  }
})
filter.addEventListener('input', render)
byId('pause').addEventListener('click', ({ currentTarget }) => {
  state.isPaused = !state.isPaused
  currentTarget.setAttribute('aria-pressed', String(state.isPaused))
  currentTarget.textContent = state.isPaused ? 'go on' : 'pause'
})
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme
  byId('chart')?.remove()
}
setTheme(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
byId('theme').addEventListener('click', () => {
  setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark')
  render()
})
// The token is in a cookie from now on: keep it out of the history.
history.replaceState(null, '', `/${location.hash}`)
follow()
