import type { ActorHost } from '../inspect/actorhosts.js'
import type { MemberSample } from '../inspect/membersampler.js'
import type { FleetSample, RingSample, Sample, Sampler } from '../inspect/sampler.js'
import type { StoreSample } from '../inspect/storesampler.js'
import { memberPage, objectPage } from './objectpages.js'
import type { Look, Page, Section, SortKey } from './page.js'
import { sparkline } from './sparkline.js'
import { storePage } from './storepages.js'
import { percentText } from './storetext.js'
import { type Column, numbers } from './table.js'
import { tableSection } from './tablesection.js'
import { bytesText, durationText, rateText } from './text.js'

const rate = (perSecond: number | null): string => (perSecond === null ? '-' : rateText(perSecond))
const duration = (ms: number | null): string => (ms === null ? '-' : durationText(ms))
const red = 'red' as const
const yellow = 'yellow' as const
const alarming = (count: number, style: 'red' | 'yellow') => (count > 0 ? style : undefined)
/** An event loop that is blocked for so long makes requests wait. */
const slowLoopMs = 100
const blockedLoopMs = 1000
const loopStyle = (ms: number | null) =>
  ms === null || ms < slowLoopMs ? undefined : ms < blockedLoopMs ? yellow : red

const claimsText = ({ claims, lifeClaims }: FleetSample): string =>
  lifeClaims === 0 ? String(claims) : `${claims}, ${lifeClaims} for life`

const fleetColumns: Column<FleetSample>[] = [
  { title: 'FLEET', text: ({ fleet }) => fleet, isFlexible: true },
  numbers('ALIVE', ({ nodesAlive, size }) => `${nodesAlive}/${size}`),
  {
    title: 'DEAD',
    text: ({ nodesDead }) => String(nodesDead),
    align: 'right',
    style: ({ nodesDead }) => alarming(nodesDead, red),
  },
  {
    title: 'STALE',
    text: ({ nodesStale }) => String(nodesStale),
    align: 'right',
    style: ({ nodesStale }) => alarming(nodesStale, yellow),
  },
  { title: 'CLAIMS', text: claimsText, align: 'right', rank: 1 },
  { title: 'COUNTERS', text: ({ counters }) => String(counters), align: 'right', rank: 4 },
  { title: 'LIMITED', text: ({ limitKeys }) => String(limitKeys), align: 'right', rank: 4 },
  { title: 'OLDEST BEAT', text: ({ oldestBeatMs }) => duration(oldestBeatMs), align: 'right', rank: 3 },
  {
    title: 'LOOP LAG',
    text: ({ maxLoopDelayMs }) => duration(maxLoopDelayMs),
    align: 'right',
    rank: 2,
    style: ({ maxLoopDelayMs }) => loopStyle(maxLoopDelayMs),
  },
  { title: 'PROBLEMS', text: ({ problems }) => problems.join('; '), isFlexible: true, style: () => red },
]

const states = { alive: undefined, stale: yellow, stopped: yellow, dead: red } as const

const memberColumns: Column<MemberSample>[] = [
  numbers('NODE', ({ node }) => node),
  { title: 'PID', text: ({ pid }) => String(pid), align: 'right', rank: 2 },
  { title: 'LABEL', text: ({ label }) => label, isFlexible: true },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => states[state] },
  {
    title: 'LOOP',
    text: ({ loopDelayMs }) => duration(loopDelayMs),
    align: 'right',
    style: ({ loopDelayMs, state }) => (state === 'dead' ? undefined : loopStyle(loopDelayMs)),
  },
  numbers('CPU', ({ cpu }) => (cpu === null ? '-' : `${Math.round(cpu * 100)} %`)),
  numbers('MEMORY', ({ rssBytes }) => (rssBytes === null ? '-' : bytesText(rssBytes))),
  { title: 'BEAT', text: ({ beatAgeMs }) => duration(beatAgeMs), align: 'right', rank: 1 },
  { title: 'CALLS/S', text: ({ callsPerSecond }) => rate(callsPerSecond), align: 'right', rank: 4 },
  { title: 'CALLS', text: ({ calls }) => String(calls ?? '-'), align: 'right', rank: 5 },
  { title: 'STATUS', text: ({ status }) => status, isFlexible: true, rank: 3 },
]

const storeColumns = (hasFleets: boolean): Column<StoreSample>[] => [
  ...(hasFleets ? [{ title: 'FLEET', text: ({ fleet }: StoreSample) => fleet, isFlexible: true }] : []),
  { title: 'STORE', text: ({ name }) => name, isFlexible: true },
  numbers('READS/S', ({ readsPerSecond }) => rateText(readsPerSecond)),
  { title: 'RATE', text: ({ history }) => sparkline(history), style: () => 'cyan', rank: 4 },
  numbers('HITS', ({ hitRate }) => percentText(hitRate)),
  { title: 'WRITES/S', text: ({ writesPerSecond }) => rateText(writesPerSecond), align: 'right', rank: 1 },
  { title: 'EVICTED/S', text: ({ evictedPerSecond }) => rateText(evictedPerSecond), align: 'right', rank: 2 },
  numbers('USED', ({ usedBytes, bytes }) => percentText(usedBytes / bytes)),
  { title: 'LIVE', text: ({ liveShare }) => percentText(liveShare), align: 'right', rank: 6 },
  { title: 'ENTRIES', text: ({ entries }) => String(entries), align: 'right', rank: 3 },
  { title: 'BYTES', text: ({ bytes }) => bytesText(bytes), align: 'right', rank: 5 },
]

/** Columns of rings, where one of them is a cache. */
const cacheColumns: Column<RingSample>[] = [
  { title: 'READS/S', text: ({ readsPerSecond }) => rate(readsPerSecond), align: 'right', rank: 4 },
  { title: 'HITS', text: ({ hitRate }) => percentText(hitRate), align: 'right', rank: 5 },
]

const ringColumns = (hasFleets: boolean, hasCaches: boolean): Column<RingSample>[] => [
  ...(hasFleets ? [{ title: 'FLEET', text: ({ fleet }: RingSample) => fleet, isFlexible: true }] : []),
  { title: 'KIND', text: ({ kind }) => String(kind), align: 'right', rank: 4 },
  { title: 'NAME', text: ({ name }) => name, isFlexible: true },
  numbers('PER S', ({ perSecond }) => rateText(perSecond)),
  { title: 'RATE', text: ({ history }) => sparkline(history), style: () => 'cyan', rank: 3 },
  ...(hasCaches ? cacheColumns : []),
  { title: 'HEAD', text: ({ head }) => String(head), align: 'right', rank: 2 },
  { title: 'RETAINED', text: ({ retained, capacity }) => `${retained}/${capacity}`, align: 'right', rank: 1 },
  {
    title: 'BURNED',
    text: ({ burned }) => String(burned),
    align: 'right',
    rank: 6,
    style: ({ burned }) => alarming(burned, yellow),
  },
  {
    title: 'REFUSED',
    text: ({ refused, full }) => String(refused + full),
    align: 'right',
    rank: 7,
    style: ({ refused, full }) => alarming(refused + full, yellow),
  },
  { title: 'SLEEPERS', text: ({ sleepers }) => String(sleepers), align: 'right', rank: 5 },
]

const actorColumns: Column<ActorHost>[] = [
  { title: 'ACTORS', text: ({ system }) => system, isFlexible: true },
  numbers('NODE', ({ node }) => node),
  numbers('PARTITIONS', ({ partitions }) => partitions),
  numbers('CALLS/S', ({ callsPerSecond }) => rateText(callsPerSecond)),
  numbers('ACTIVE', ({ active }) => active),
  numbers('WAITING', ({ waiting }) => waiting),
  numbers('OLDEST', ({ oldestMs }) => durationText(oldestMs)),
]

const orders: Record<SortKey, (a: RingSample, b: RingSample) => number> = {
  rate: (a, b) => b.perSecond - a.perSecond,
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  kind: (a, b) => a.kind - b.kind,
  head: (a, b) => b.head - a.head,
}

function ringSection(look: Look, rings: readonly RingSample[], hasFleets: boolean): Section {
  const sorted = [...rings].sort(orders[look.sort])
  const inOrder = look.isReversed ? sorted.reverse() : sorted
  const hasCaches = rings.some(({ readsPerSecond }) => readsPerSecond !== null)
  return tableSection(look, { noun: 'ring' }, ringColumns(hasFleets, hasCaches), inOrder, (ring) => ({
    key: `${ring.fleet}/${ring.kind}`,
    open: () => objectPage(ring.fleet, ring),
  }))
}

/** A section only where there are stores: most fleets have one at most. */
function storeSections(look: Look, stores: readonly StoreSample[], hasFleets: boolean): Section[] {
  if (stores.length === 0) return []
  const row = ({ fleet, kind, name }: StoreSample) => ({
    key: `${fleet}/store ${kind}`,
    open: () => storePage(fleet, kind, name),
  })
  return [tableSection(look, { noun: 'store' }, storeColumns(hasFleets), stores, row)]
}

/** A section only where processes run actors. */
function actorSections(look: Look, hosts: readonly ActorHost[]): Section[] {
  if (hosts.length === 0) return []
  const row = ({ fleet, system, node }: ActorHost) => ({
    key: `actors ${system} ${node}`,
    open: () => memberPage(fleet, node),
  })
  return [tableSection(look, { noun: 'actor process', plural: 'actor processes' }, actorColumns, hosts, row)]
}

const memberSection = (look: Look, members: readonly MemberSample[]): Section =>
  tableSection(look, { noun: 'member' }, memberColumns, members, ({ fleet, node }) => ({
    key: `${fleet}/node ${node}`,
    open: () => memberPage(fleet, node),
  }))

/** What is wrong in fleets, in a few words each. */
function alarmsOf(fleets: readonly FleetSample[]): string[] {
  const members = fleets.flatMap((fleet) => fleet.members)
  const rings = fleets.flatMap((fleet) => fleet.rings)
  const stopped = members.filter(({ state }) => state === 'stopped').length
  const blocked = members.filter(({ state, loopDelayMs }) => state !== 'dead' && (loopDelayMs ?? 0) >= blockedLoopMs)
  const total = (value: (fleet: FleetSample) => number) => fleets.reduce((sum, fleet) => sum + value(fleet), 0)
  const counts: [number, string][] = [
    [total(({ nodesDead }) => nodesDead), 'dead'],
    [stopped, 'stopped'],
    [total(({ nodesStale }) => nodesStale), 'stale'],
    [blocked.length, 'event loop blocked'],
    [rings.filter(({ missedWakes }) => missedWakes > 0).length, 'with missed wakes'],
    [rings.filter(({ full }) => full > 0).length, 'inbox was full'],
    [total(({ problems }) => problems.length), 'damaged'],
  ]
  return counts.flatMap(([count, text]) => (count > 0 ? `${count} ${text}` : []))
}

/** All fleets of this user, and their rings. */
export class FleetsPage implements Page {
  readonly title = ''
  readonly #sampler: Sampler
  #sample: Sample

  constructor(sampler: Sampler) {
    this.#sampler = sampler
    this.#sample = sampler.sample()
  }

  update(): void {
    this.#sample = this.#sampler.sample()
  }

  sections(look: Look): Section[] {
    const { fleets } = this.#sample
    const list = tableSection(look, { noun: 'fleet' }, fleetColumns, fleets, ({ fleet }) => ({
      key: fleet,
      open: () => new FleetPage(this.#sampler, fleet),
    }))
    return [
      list,
      ringSection(
        look,
        fleets.flatMap(({ rings }) => rings),
        true,
      ),
      ...storeSections(
        look,
        fleets.flatMap(({ stores }) => stores),
        true,
      ),
    ]
  }

  alarms(): string[] {
    return alarmsOf(this.#sample.fleets)
  }

  [Symbol.dispose](): void {}
}

/** One fleet: its members and its rings. */
export class FleetPage implements Page {
  readonly title: string
  readonly #sampler: Sampler
  #fleet: FleetSample | undefined

  constructor(sampler: Sampler, fleet: string) {
    this.#sampler = sampler
    this.title = fleet
  }

  update(): void {
    this.#fleet = this.#sampler.sample().fleets.find(({ fleet }) => fleet === this.title)
  }

  sections(look: Look): Section[] {
    if (this.#fleet === undefined)
      return [{ noun: 'fleet of this name', plural: 'fleet of this name', head: [], rows: [] }]
    const summary = tableSection(look, { noun: 'fleet' }, fleetColumns, [this.#fleet], ({ fleet }) => ({ key: fleet }))
    const { members, rings, stores, actors } = this.#fleet
    const lists = [memberSection(look, members), ringSection(look, rings, false)]
    return [summary, ...lists, ...storeSections(look, stores, false), ...actorSections(look, actors)]
  }

  alarms(): string[] {
    return this.#fleet === undefined ? [] : alarmsOf([this.#fleet])
  }

  [Symbol.dispose](): void {}
}
