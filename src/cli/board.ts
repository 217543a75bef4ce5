import type { FleetSample, RingSample, Sample } from '../inspect/sampler.js'
import type { Output } from './output.js'
import { type Column, tableLines } from './table.js'
import { clockText, counted, cut, durationText, printable, rateText } from './text.js'

/** What `top` shows, and in which order. */
export interface View {
  sort: keyof typeof orders
  isReversed: boolean
  filter: string
  /** Do keys edit the filter now? */
  isTyping: boolean
}

const orders = {
  rate: (a: RingSample, b: RingSample) => b.perSecond - a.perSecond,
  name: (a: RingSample, b: RingSample) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  kind: (a: RingSample, b: RingSample) => a.kind - b.kind,
  head: (a: RingSample, b: RingSample) => b.head - a.head,
}

const levels = '▁▂▃▄▅▆▇█'

/** A chart of rates in one line, scaled to the highest of them. */
export function sparkline(history: readonly number[]): string {
  const most = Math.max(...history, 1e-9)
  return history.map((rate) => (rate <= 0 ? levels[0] : levels[Math.min(7, Math.floor((rate / most) * 8))])).join('')
}

const duration = (ms: number | null): string => (ms === null ? '-' : durationText(ms))

const claimsText = ({ claims, lifeClaims }: FleetSample): string =>
  lifeClaims === 0 ? String(claims) : `${claims}, ${lifeClaims} for life`

const fleetColumns: Column<FleetSample>[] = [
  { title: 'FLEET', text: ({ fleet }) => fleet, isFlexible: true },
  { title: 'ALIVE', text: ({ nodesAlive, size }) => `${nodesAlive}/${size}`, align: 'right' },
  {
    title: 'DEAD',
    text: ({ nodesDead }) => String(nodesDead),
    align: 'right',
    style: ({ nodesDead }) => (nodesDead > 0 ? 'red' : undefined),
  },
  {
    title: 'STALE',
    text: ({ nodesStale }) => String(nodesStale),
    align: 'right',
    style: ({ nodesStale }) => (nodesStale > 0 ? 'yellow' : undefined),
  },
  { title: 'CLAIMS', text: claimsText, align: 'right' },
  { title: 'OLDEST BEAT', text: ({ oldestBeatMs }) => duration(oldestBeatMs), align: 'right' },
  { title: 'LOOP LAG', text: ({ maxLoopDelayMs }) => duration(maxLoopDelayMs), align: 'right' },
  { title: 'PROBLEMS', text: ({ problems }) => problems.join('; '), isFlexible: true, style: () => 'red' },
]

const ringColumns: Column<RingSample>[] = [
  { title: 'FLEET', text: ({ fleet }) => fleet, isFlexible: true },
  { title: 'KIND', text: ({ kind }) => String(kind), align: 'right' },
  { title: 'NAME', text: ({ name }) => name, isFlexible: true },
  { title: 'PER S', text: ({ perSecond }) => rateText(perSecond), align: 'right' },
  { title: 'RATE', text: ({ history }) => sparkline(history), style: () => 'cyan' },
  { title: 'HEAD', text: ({ head }) => String(head), align: 'right' },
  { title: 'RETAINED', text: ({ retained, capacity }) => `${retained}/${capacity}`, align: 'right' },
  { title: 'BURNED', text: ({ burned }) => String(burned), align: 'right' },
  { title: 'SLEEPERS', text: ({ sleepers }) => String(sleepers), align: 'right' },
]

function ringsInOrder(sample: Sample, { sort, isReversed, filter }: View): RingSample[] {
  const wanted = filter.toLowerCase()
  const rings = sample.fleets
    .flatMap(({ rings }) => rings)
    .filter(({ fleet, kind, name }) => `${fleet} ${kind} ${name}`.toLowerCase().includes(wanted))
    .sort(orders[sort])
  return isReversed ? rings.reverse() : rings
}

/** An empty line and a table, or a line that says that there are no rows. */
const listLines = <Row>(output: Output, columns: Column<Row>[], rows: readonly Row[], none: string): string[] => [
  '',
  ...(rows.length > 0 ? tableLines(output, columns, rows) : [output.paint('dim', none)]),
]

/** The lines that fill a screen of this size. */
export function boardLines(output: Output, sample: Sample, view: View, columns: number, rows: number): string[] {
  const rings = ringsInOrder(sample, view)
  const order = `by ${view.sort}${view.isReversed ? ', reversed' : ''}`
  const filter = view.isTyping ? `  filter: ${view.filter}_` : view.filter === '' ? '' : `  filter: ${view.filter}`
  const counts = `${counted(sample.fleets.length, 'fleet')}, ${counted(rings.length, 'ring')}`
  const head = `orbit top  ${clockText(sample.unixMs).slice(0, 8)}  ${counts} ${order}${filter}`
  const keys = view.isTyping
    ? 'type a part of a fleet, KIND or name   Enter keep   Esc clear'
    : 'r rate  n name  k KIND  h head  R reverse  / filter  q quit'
  const body = [
    ...listLines(output, fleetColumns, sample.fleets, 'no fleets'),
    ...listLines(output, ringColumns, rings, 'no rings'),
  ]
  return [
    output.paint('bold', cut(printable(head), columns)),
    ...body.slice(0, Math.max(0, rows - 2)),
    output.paint('dim', cut(keys, columns)),
  ]
}

/** Changes the view by a key. Returns true if the key quits. */
export function applyKey(view: View, key: string): boolean {
  if (key === '\x03') return true
  if (view.isTyping) {
    if (key === '\r' || key === '\x1b') {
      view.isTyping = false
      if (key === '\x1b') view.filter = ''
    } else if (key === '\x7f' || key === '\b') view.filter = view.filter.slice(0, -1)
    else if (key >= ' ') view.filter += key
    return false
  }
  const sorts: Record<string, View['sort']> = { r: 'rate', n: 'name', k: 'kind', h: 'head' }
  const sort = sorts[key]
  if (sort !== undefined) view.sort = sort
  else if (key === 'R') view.isReversed = !view.isReversed
  else if (key === '/') view.isTyping = true
  else if (key === '\x1b') view.filter = ''
  return key === 'q'
}
