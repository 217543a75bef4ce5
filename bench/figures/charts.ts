import * as echarts from 'echarts'
import { type CellResult, type Comparison, named } from '../results.js'
import { shown } from '../units.js'
import { groupBy } from './comparison.js'

/** Charts by the names of their files. Both axes of sizes and times are logarithmic: rivals differ by powers of ten. */
export function chartsOf(comparison: Comparison): Record<string, string> {
  const { cells } = comparison
  const colors = colorsOf(comparison)
  const throughput = cells.filter(({ trial }) => trial === 'throughput')
  const readers = throughput.filter(({ values }) => values['messageBytes'] === 64)
  const bytes = throughput.filter(({ values }) => values['readers'] === 4)
  const latency = cells.filter(({ trial }) => trial === 'latency')
  const stores = cells.filter(({ trial }) => /^(latest|cache|claim)/.test(trial))
  return {
    'throughput-readers.svg': lines(
      'One writer, 64 B: messages a second that all readers have',
      readers,
      'readers',
      colors,
    ),
    'throughput-bytes.svg': lines(
      'One writer, 4 readers: messages a second that all readers have',
      bytes,
      'messageBytes',
      colors,
    ),
    'latency.svg': bars('One way, 64 B, one reader: median', latency, colors),
    'stores.svg': bars(
      'Values, cache, claims: time a call',
      stores.filter(({ unit }) => unit === 'ns'),
      colors,
    ),
  }
}

/** One for each driver, in their order: orbit and its variants are warm. */
const palette = [
  ...['#d62728', '#ff7f0e', '#f7b267', '#8c1c13', '#1f77b4', '#7fb3d5', '#2ca02c', '#98df8a'],
  ...['#17becf', '#9467bd', '#7f7f7f', '#c7c7c7', '#8c564b', '#c49c94', '#e377c2'],
]

function colorsOf({ drivers }: Comparison): Map<string, string> {
  return new Map(drivers.map(({ name }, index) => [name, palette[index % palette.length] as string]))
}

const font = 'system-ui, sans-serif'
const ink = '#333'

/** White, also where the page is dark: the colours are chosen for it. */
function draw(height: number, option: object): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 760, height })
  chart.setOption({ animation: false, backgroundColor: '#fff', textStyle: { fontFamily: font, color: ink }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  // Style classes are numbered by all charts that this process ever drew.
  return `${svg.replace(/zr\d+-/g, 'zr-').replace(/[ \t]+$/gm, '')}\n`
}

/** The gap makes up for fonts that are wider than the one which the chart was measured with. */
const legend = { bottom: 4, itemGap: 30, textStyle: { fontSize: 12 } }

const titled = (text: string) => ({ text, left: 12, top: 8, textStyle: { fontSize: 15, fontWeight: 600, color: ink } })

const axisNames = { readers: 'readers', messageBytes: 'bytes' }
type Axis = keyof typeof axisNames

function placeOf({ trial, parameters, values }: CellResult, along: Axis): number {
  const value = values[along]
  if (value === undefined) throw new Error(`${named(trial, parameters)} has no ${along}`)
  return value
}

function lines(title: string, cells: readonly CellResult[], along: Axis, colors: Map<string, string>): string {
  const series = [...groupBy(cells, ({ driver }) => driver)].map(([name, cells]) => ({
    name,
    type: 'line',
    symbolSize: 6,
    lineStyle: { width: name === 'orbit' ? 3.5 : 1.8 },
    itemStyle: { color: colors.get(name) },
    data: cells.map((cell) => [placeOf(cell, along), cell.median] as const).sort(([a], [b]) => a - b),
  }))
  return draw(426, {
    title: titled(title),
    legend,
    grid: { left: 70, right: 24, top: 48, bottom: 116 },
    xAxis: { type: 'log', logBase: 2, name: axisNames[along], nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'log', axisLabel: { formatter: (value: number) => shown(value, 'per second') } },
    series,
  })
}

/** A group of bars a comparison, a bar a driver. */
function bars(title: string, cells: readonly CellResult[], colors: Map<string, string>): string {
  const groups = [...groupBy(cells, ({ trial, parameters }) => named(trial, parameters))]
  const names = groups.map(([name]) => name)
  const drivers = [...new Set(cells.map(({ driver }) => driver))]
  const series = drivers.map((name) => ({
    name,
    type: 'bar',
    itemStyle: { color: colors.get(name) },
    data: groups.map(([, cells]) => cells.find(({ driver }) => driver === name)?.median ?? null),
  }))
  return draw(140 + names.length * (14 + drivers.length * 9), {
    title: titled(title),
    legend,
    grid: { left: 190, right: 24, top: 48, bottom: 100 },
    xAxis: { type: 'log', axisLabel: { formatter: (value: number) => shown(value, 'ns') } },
    yAxis: { type: 'category', data: names, inverse: true },
    series,
  })
}
