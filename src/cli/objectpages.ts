import type { Heartbeat } from '../core/node.js'
import type { FleetObserver } from '../core/observer.js'
import { allKinds, isOfLayer, ownNameOf } from '../inspect/kinds.js'
import { inspectRing } from '../inspect/report.js'
import type { RingSample } from '../inspect/sampler.js'
import type { Holder } from '../layers/claim.js'
import { Contest } from '../layers/contest.js'
import { cacheColumns } from './cachecolumns.js'
import { type CacheEntry, entriesOf } from './cacheentries.js'
import { claimColumns } from './claimcolumns.js'
import { CountersPage } from './counterspage.js'
import type { ItemFeed } from './feed.js'
import { itemText } from './item.js'
import { feedOf } from './itemfeed.js'
import { nameOf } from './kindoperand.js'
import { OpenPage } from './openpage.js'
import type { Look, Page, Row, Section } from './page.js'
import { ringPairs } from './ringpairs.js'
import { pairSection, tableSection } from './tablesection.js'
import { durationText } from './text.js'

/** How many of the newest items a tail keeps, and how many it shows when it begins. */
const keptItems = 1000
const firstItems = 200
/** A poll takes at most this many, so that the screen stays alive while the ring is busy. */
const pollMax = 4096

/** The page of a ring, a table or an inbox object. */
export function objectPage(fleet: string, { kind, name, form }: RingSample): Page {
  if (form === 'ring') {
    return isOfLayer('cache', name) ? new CachePage(fleet, kind, name) : new TailPage(fleet, kind, name)
  }
  if (isOfLayer('counters', name)) return new CountersPage(fleet, name)
  return isOfLayer('contest', name) ? new ClaimsPage(fleet, name) : new DetailPage(fleet, kind, name)
}

/** The newest frames or events of a ring, as they come. */
class TailPage extends OpenPage {
  readonly isTail = true
  readonly #feed: ItemFeed
  #rows: { key: string; text: (look: Look) => string }[] = []
  #count = 0

  constructor(fleet: string, kind: number, name: string) {
    super(fleet, name)
    this.#feed = feedOf(this.fleet, kind, { from: -firstItems })
  }

  update(): void {
    const { items } = this.#feed.poll(pollMax)
    for (const item of items) {
      this.#rows.push({ key: String(this.#count++), text: ({ output }) => itemText(output, item, { isHex: false }) })
    }
    this.#rows = this.#rows.slice(-keptItems)
  }

  sections(look: Look): Section[] {
    return [{ noun: 'line', head: [], rows: this.#rows.map(({ key, text }): Row => ({ key, line: text(look) })) }]
  }
}

/** The entries of a cache. */
class CachePage extends OpenPage {
  readonly #kind: number
  #entries: CacheEntry[] = []

  constructor(fleet: string, kind: number, name: string) {
    super(fleet, name)
    this.#kind = kind
  }

  update(): void {
    this.#entries = entriesOf(this.fleet, this.#kind).reverse()
  }

  sections(look: Look): Section[] {
    return [
      tableSection(look, { noun: 'entry', plural: 'entries' }, cacheColumns, this.#entries, ({ namespace, key }) => ({
        key: `${namespace}\0${key}`,
      })),
    ]
  }
}

/** The valid claims of a contest. */
class ClaimsPage extends OpenPage {
  readonly #contest: Contest
  #holders: Holder[] = []

  constructor(fleet: string, name: string) {
    super(fleet, name)
    this.#contest = contestOf(this.fleet, name)
  }

  update(): void {
    this.#holders = this.#contest.holders().sort((a, b) => a.token - b.token)
  }

  sections(look: Look): Section[] {
    return [tableSection(look, { noun: 'claim' }, claimColumns, this.#holders, ({ token }) => ({ key: String(token) }))]
  }
}

function contestOf(fleet: FleetObserver, object: string): Contest {
  const name = ownNameOf('contest', object)
  return new Contest(fleet, name === undefined ? {} : { name })
}

function contestNames(fleet: FleetObserver): string[] {
  return allKinds(fleet).flatMap((kind) => {
    const name = nameOf(fleet, kind)
    return name !== undefined && isOfLayer('contest', name) ? name : []
  })
}

const beatText = (beat: Heartbeat | undefined): string =>
  beat === undefined
    ? 'none'
    : `${durationText(beat.ageMs)} ago, number ${beat.count}, event loop delay ${durationText(beat.loopDelayMs)}`

/** Every detail of a table or an inbox object. */
class DetailPage extends OpenPage {
  readonly #kind: number
  #pairs: [string, string][] = []

  constructor(fleet: string, kind: number, name: string) {
    super(fleet, name)
    this.#kind = kind
  }

  update(): void {
    const report = inspectRing(this.fleet, this.#kind, this.fleet.nodes())
    const retained = report === undefined ? 0 : report.head - report.oldest
    this.#pairs = report === undefined ? [] : ringPairs({ ...report, retained, perSecond: null })
  }

  sections(look: Look): Section[] {
    return [pairSection(look, 'detail', this.#pairs)]
  }
}

/** One member: what it says of itself, and what it holds. */
class MemberPage extends OpenPage {
  readonly #node: number
  #pairs: [string, string][] = []
  #holders: Holder[] = []

  constructor(fleet: string, node: number) {
    super(fleet, `node ${node}`)
    this.#node = node
  }

  update(): void {
    const record = this.fleet.nodes().find(({ node }) => node === this.#node)
    this.#holders = record?.alive ? this.#claims() : []
    this.#pairs =
      record === undefined
        ? [['node', `${this.#node} has no member`]]
        : [
            ['node', `${record.node}, incarnation ${record.incarnation}`],
            ['process', `${record.pid}, ${record.alive ? 'alive' : 'dead'}`],
            ['label', record.label],
            ['joined', `${durationText(Math.max(0, Date.now() - record.joinedAtMs))} ago`],
            ['heartbeat', beatText(record.heartbeat)],
            ['status', record.heartbeat?.status ?? ''],
          ]
  }

  /** What the member holds in the contest without a name, and in those with names. */
  #claims(): Holder[] {
    const names = contestNames(this.fleet)
    return names
      .flatMap((name) => contestOf(this.fleet, name).holders())
      .filter(({ node }) => node === this.#node)
      .sort((a, b) => a.token - b.token)
  }

  sections(look: Look): Section[] {
    return [
      pairSection(look, 'detail', this.#pairs),
      tableSection(look, { noun: 'claim' }, claimColumns, this.#holders, ({ token }) => ({ key: `claim ${token}` })),
    ]
  }
}

export const memberPage = (fleet: string, node: number): Page => new MemberPage(fleet, node)
