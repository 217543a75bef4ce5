import { drawChart, forgetChart, noteRates } from '/charts.js'
import { contentsOf, formsFor, layerOf, questionFor, sourceOf } from '/contents.js'
import {
  actorColumns,
  element,
  findingColumns,
  fleetColumns,
  memberColumns,
  ringColumns,
  storeColumns,
  table,
} from '/views.js'

const byId = (id) => document.getElementById(id)
const main = byId('main')
const filter = byId('filter')

/** Where the page is: all fleets, a fleet, or an object of it. In the address, so that a reload stays there. */
const place = () => {
  const [fleet, kind, ...rest] = location.hash.slice(1).split('/').map(decodeURIComponent)
  return { fleet: fleet || undefined, kind: kind === undefined ? undefined : Number(kind), rest }
}
const hashOf = (...parts) => `#${parts.map(encodeURIComponent).join('/')}`
const go = (...parts) => {
  location.hash = hashOf(...parts)
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

const fleetOf = ({ fleet }) => state.sample.fleets.find((each) => each.fleet === fleet)

/** The ring, table, inbox or store of a place. */
function objectOf(at) {
  const { rings = [], stores = [] } = fleetOf(at) ?? {}
  return [...rings, ...stores].find(({ kind }) => kind === at.kind)
}

/** Asks a command of the server, and shows the answer when the page is still at the same place. */
async function ask(question) {
  const asked = location.hash
  const response = await fetch(`/ask?${new URLSearchParams(question)}`)
  const found = await response.json()
  if (location.hash !== asked || state.isPaused) return
  state.found = found
  render()
}

/** Asks for what the place shows beside the samples; a stream is followed instead. */
function askAgain() {
  const at = place()
  const object = objectOf(at)
  if (state.isPaused || at.fleet === undefined) return
  if (at.kind === undefined) ask({ what: 'doctor', fleet: at.fleet })
  else if (object !== undefined && sourceOf(object) !== 'tail') ask(questionFor(object, at))
}

/** Begins to show a place. */
function follow() {
  state.tail?.close()
  state.tail = undefined
  Object.assign(state, { items: [], skipped: 0, found: undefined })
  const at = place()
  const object = objectOf(at)
  askAgain()
  showForms(object, at)
  if (object === undefined || sourceOf(object) !== 'tail') return
  const pattern = layerOf(object.name).layer === 'events' ? byId('pattern')?.value || '' : ''
  const tail = new EventSource(`/tail?${new URLSearchParams({ fleet: at.fleet, kind: at.kind, pattern })}`)
  tail.addEventListener('items', ({ data }) => {
    if (state.isPaused) return
    const { items, skipped } = JSON.parse(data)
    state.items = [...state.items, ...items].slice(-200)
    state.skipped += skipped
    renderSoon()
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

function fleetView(at) {
  const found = fleetOf(at)
  if (found === undefined) return [element('p', {}, `there is no fleet ${at.fleet}`)]
  const rows = { open: ({ kind }) => go(at.fleet, kind), keyOf: ({ kind }) => `${at.fleet}/${kind}` }
  const stores = found.stores.length === 0 ? [] : [table('stores', storeColumns, wanted(found.stores), rows)]
  return [
    table('members', memberColumns, wanted(found.members)),
    table('rings, tables and inboxes', ringColumns, wanted(found.rings), rows),
    ...stores,
    ...(found.actors.length === 0 ? [] : [table('actors', actorColumns, wanted(found.actors))]),
    table('doctor', findingColumns, wanted(state.found?.findings ?? [])),
  ]
}

function objectView(at) {
  const object = objectOf(at)
  if (object === undefined) return [element('p', {}, `fleet ${at.fleet} has no ring of KIND ${at.kind}`)]
  const columns = layerOf(object.name).layer === 'store' ? storeColumns : ringColumns
  return [table(`KIND ${object.kind}`, columns, [object]), ...contentsOf(object, at, state, wanted, go)]
}

/** The places above this one, from the fleets on. */
function stepsOf({ fleet, kind, rest }) {
  const steps = [['fleets', hashOf()]]
  if (fleet !== undefined) steps.push([fleet, hashOf(fleet)])
  if (kind !== undefined) steps.push([objectOf({ fleet, kind })?.name ?? String(kind), hashOf(fleet, kind)])
  if (rest.length > 0) steps.push([rest.slice(1).join('/') || 'all keys', hashOf(fleet, kind, ...rest)])
  return steps
}

const pathView = (at) =>
  stepsOf(at).flatMap(([text, href], i) => [...(i > 0 ? [' / '] : []), element('a', { href }, text)])

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
    ...(at.fleet === undefined ? fleetsView() : at.kind === undefined ? fleetView(at) : objectView(at)),
  )
  showPattern(at)
  drawChart(main, fleetOf(at), at.kind)
  if (focused !== undefined) main.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus()
  // An object is known only from the first sample on.
  const object = objectOf(at)
  if (object !== undefined && byId('forms').dataset.place !== location.hash) follow()
}

let isDue = false
/** Renders in the next frame: items of a busy ring come more often than a screen can show. */
function renderSoon() {
  if (isDue) return
  isDue = true
  requestAnimationFrame(() => {
    isDue = false
    render()
  })
}

/** The forms of an object: outside of what is drawn anew, so that they keep their texts and their focus. */
function showForms(object, at) {
  const forms = byId('forms')
  forms.replaceChildren(...(object === undefined ? [] : formsFor(object, at)))
  forms.dataset.place = object === undefined ? '' : location.hash
}

/** The pattern of an event bus. */
function showPattern(at) {
  const object = objectOf(at)
  const isShown = object !== undefined && layerOf(object.name).layer === 'events'
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

setInterval(askAgain, 1000)

const pause = () => {
  state.isPaused = !state.isPaused
  byId('pause').setAttribute('aria-pressed', String(state.isPaused))
  byId('pause').textContent = state.isPaused ? 'go on' : 'pause'
}
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme
  forgetChart()
}
const otherTheme = () => {
  setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark')
  render()
}
const goUp = () => {
  const [, href] = stepsOf(place()).at(-2) ?? ['', hashOf()]
  location.hash = href
}
/** Moves the focus to the row before or after. */
const moveFocus = (step) => {
  const rows = [...main.querySelectorAll('tr[tabindex]')]
  const at = rows.indexOf(document.activeElement)
  rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
}

const keys = {
  '/': () => filter.focus(),
  p: pause,
  t: otherTheme,
  ArrowDown: () => moveFocus(1),
  ArrowUp: () => moveFocus(-1),
  Escape: goUp,
}
addEventListener('keydown', (event) => {
  const isTyping = document.activeElement instanceof HTMLInputElement
  if (event.ctrlKey || event.metaKey || event.altKey || keys[event.key] === undefined) return
  if (isTyping && event.key !== 'Escape') return
  event.preventDefault()
  if (isTyping) document.activeElement.blur()
  else keys[event.key]()
})
addEventListener('hashchange', () => {
  filter.value = ''
  follow()
  render()
})
addEventListener('resize', forgetChart)
filter.addEventListener('input', render)
byId('pause').addEventListener('click', pause)
byId('theme').addEventListener('click', otherTheme)
setTheme(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
// The token is in a cookie from now on: keep it out of the history.
history.replaceState(null, '', `/${location.hash}`)
follow()
