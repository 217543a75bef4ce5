import type { CellResult, Results } from '../results.js'
import { advantage, shown, times } from '../units.js'

interface Row {
  readonly title: string
  readonly trial: string
  readonly case: string
}

const rows: readonly Row[] = [
  { title: 'latency to a sleeping process', trial: 'latency', case: 'idle' },
  { title: 'messages a second to one process', trial: 'throughput', case: '64 B, 1 reader' },
  { title: 'read the latest value', trial: 'latest load', case: '' },
  { title: 'cache get, 64 B, 1,000 keys', trial: 'cache get', case: '1,000 keys' },
  { title: 'claim and release', trial: 'claim', case: '' },
]

/** Drivers that no other process can use. */
const inOneProcess = /^(MessagePort|BroadcastChannel|lru-cache)$/

/** orbit and the driver that comes next to it, of those that connect processes. */
function pairOf({ cells, trials }: Results, row: Row) {
  const its = cells.filter((cell) => cell.trial === row.trial && cell.case === row.case)
  const trial = trials.find(({ name }) => name === row.trial)
  const ours = its.find(({ driver }) => driver === 'orbit')
  const rivals = its.filter(({ driver }) => !driver.startsWith('orbit') && !inOneProcess.test(driver))
  if (trial === undefined || ours === undefined || rivals.length === 0) throw new Error(`no cells for ${row.title}`)
  const ratioTo = ({ median }: CellResult) => advantage(ours.median, median, trial.better)
  const next = rivals.reduce((best, cell) => (ratioTo(cell) < ratioTo(best) ? cell : best))
  return { ours, next, ratio: ratioTo(next), unit: trial.unit, better: trial.better }
}

const rowHeight = 58
const left = 250
const width = 760
const most = width - left - 210

const escaped = (text: string) => text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)
const label = (x: number, y: number, kind: string, value: string) =>
  `<text x="${x.toFixed(0)}" y="${y}" class="${kind}">${escaped(value)}</text>`
const bar = (y: number, length: number, kind: string) =>
  `<rect x="${left}" y="${y}" width="${Math.max(1, length).toFixed(1)}" height="16" class="${kind}"/>`

function rowSvg(results: Results, row: Row, y: number): string {
  const { ours, next, ratio, unit, better } = pairOf(results, row)
  const greatest = Math.max(ours.median, next.median)
  return [
    label(left - 12, y + 14, 'title', row.title),
    label(left - 12, y + 33, 'note', `${better} is better; orbit is ${times(ratio)} better`),
    ...[ours, next].flatMap(({ median, driver }, i) => {
      const length = (median / greatest) * most
      const text = `${shown(median, unit)}  ${driver}`
      return [
        bar(y + 20 * i, length, i === 0 ? 'ours' : 'next'),
        label(left + length + 8, y + 13 + 20 * i, 'value', text),
      ]
    }),
  ].join('\n')
}

/** A row for each of five trials: orbit and its next rival, each row in a linear scale of its own. */
export function overviewSvg(results: Results): string {
  const { machine } = results
  const of = `${machine.package}, commit ${machine.commit}, ${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}`
  const others = rows.flatMap(({ title, trial }) => {
    const other = results.trials.find(({ name }) => name === trial)?.of
    return other === undefined ? [] : [`${title}: ${other}`]
  })
  const footer = [`Medians of one run: ${of}, ${machine.date.slice(0, 10)}`, ...others]
  const end = 52 + rows.length * rowHeight
  const height = end + 16 * others.length
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>orbit-node and the next best way between processes, in five trials</title>
<style>
rect.page { fill: #fff } rect.ours { fill: #1f6feb } rect.next { fill: #b6bdc6 }
text { font: 13px system-ui, sans-serif; fill: #1f2328 } text.title { text-anchor: end; font-weight: 600 }
text.note { text-anchor: end; fill: #59636e; font-size: 12px } text.foot { fill: #59636e; font-size: 11px }
</style>
<rect class="page" width="${width}" height="${height}"/>
${rows.map((row, i) => rowSvg(results, row, 18 + i * rowHeight)).join('\n')}
${footer.map((line, i) => label(16, end - 12 + 16 * i, 'foot', line)).join('\n')}
</svg>
`
}
