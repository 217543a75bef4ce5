// Rates as charts: of the rings and the reads of the stores of the place that is shown.
import uPlot from '/uplot.js'
import { element } from '/views.js'

/** By fleet and KIND: [seconds, rate]. */
const rates = new Map()
const chartSeconds = 120
const mostLines = 6
const colours = ['#3b82f6', '#16a34a', '#d97706', '#dc2626', '#9333ea', '#0891b2']
let chart

/** What has a rate in a fleet: its rings, and its stores, of which the reads are counted. */
const sourcesOf = ({ rings, stores }) => [
  ...rings.map(({ fleet, kind, name, perSecond, history }) => ({
    key: `${fleet}/${kind}`,
    kind,
    name,
    perSecond,
    history,
  })),
  ...stores.map(({ fleet, kind, name, readsPerSecond, history }) => ({
    key: `${fleet}/${kind}`,
    kind,
    name: `reads of ${name}`,
    perSecond: readsPerSecond,
    history,
  })),
]

/** Remembers the rates of a sample. */
export function noteRates({ unixMs, fleets }) {
  for (const { key, perSecond, history } of fleets.flatMap(sourcesOf)) {
    if (history.length === 0) continue // the first sample has no rate
    const points = [...(rates.get(key) ?? []), [unixMs / 1000, perSecond]]
    rates.set(
      key,
      points.filter(([at]) => at > unixMs / 1000 - chartSeconds),
    )
  }
}

const most = (key) => Math.max(0, ...(rates.get(key) ?? []).map(([, rate]) => rate))

/** The busiest sources of a place, in the order of their KINDs: a chart with more lines says nothing. */
function linesOf(fleet, kind) {
  return sourcesOf(fleet)
    .filter((source) => kind === undefined || source.kind === kind)
    .sort((a, b) => most(b.key) - most(a.key))
    .slice(0, mostLines)
    .sort((a, b) => a.kind - b.kind)
}

/** Draws into one canvas, which outlives the tables around it. fleet: undefined: the place has no chart. */
export function drawChart(main, fleet, kind) {
  const host = document.getElementById('chart')
  if (fleet === undefined) return host?.remove()
  const lines = linesOf(fleet, kind)
  const series = lines.map(({ key }) => rates.get(key) ?? [])
  const times = [...new Set(series.flatMap((points) => points.map(([time]) => time)))].sort((a, b) => a - b)
  const columns = series.map((points) => {
    const by = new Map(points)
    return times.map((time) => by.get(time) ?? null)
  })
  const key = lines.map((line) => line.key).join()
  if (host === null || host.dataset.key !== key) newChart(main, key, lines, [times, ...columns])
  else chart.setData([times, ...columns])
}

function newChart(main, key, lines, data) {
  forgetChart()
  const host = element('div', { id: 'chart', class: 'chart', 'data-key': key })
  main.before(host)
  const ink = getComputedStyle(document.documentElement).getPropertyValue('--dim')
  const axis = { stroke: ink, grid: { stroke: `${ink}33` } }
  const series = lines.map(({ name }, i) => ({ label: name, stroke: colours[i], width: 2 }))
  const options = { width: Math.min(900, innerWidth - 32), height: 160, series: [{}, ...series], axes: [axis, axis] }
  chart = new uPlot(options, data, host)
}

/** The next drawing makes it anew: in other colors, or in another width. */
export function forgetChart() {
  document.getElementById('chart')?.remove()
}
