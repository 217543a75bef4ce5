import { checkFlag, checkInteger, checkOptions, checkSignal, outOfRange, wrongType } from '../base/check.js'
import { OrbitError } from '../base/errors.js'
import { jsonOf } from '../base/json.js'
import type { Wakeable } from '../core/bell.js'
import { Cells } from '../core/cells.js'
import { nextTurn } from '../core/cursor.js'
import type { MemberId } from '../core/deathwatch.js'
import type { Fleet } from '../core/fleet.js'
import { type Layer, reservedLayer } from '../core/layer.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { Sleeper } from '../core/sleeper.js'
import { EntryView, type PresenceChange, type PresenceEntry } from './entryview.js'

/** Options of a `Presence`: its name, and how many entries it can hold. */
export interface PresenceOptions {
  /** The name of the presence, 1..48 bytes of UTF-8: each name is one of its own in the fleet. Default 'default'. */
  name?: string
  /**
   * The most entries of all processes, a power of two in 1..2^19. Default: that of the existing presence, or 16,384.
   * 2^17 entries of the default size take 25 MB.
   */
  capacity?: number
  /**
   * The most bytes of an id and its value as JSON together, 1..2,768. Default: that of the existing presence, or 152.
   */
  entryBytes?: number
}

/** Options of `watch`: what ends it, and whether it keeps the process alive. */
export interface WatchPresenceOptions {
  /** Aborting it ends the iteration. */
  signal?: AbortSignal
  /** Keeps the process alive while the iteration waits; default true. */
  keepAlive?: boolean
}

const { entryHeaderBytes } = abi
const maxEntryBytes = abi.cardBytes - entryHeaderBytes

/**
 * Entries { id, value } of processes, which live as long as their process: who is online, and in which worker. However
 * a process ends, its entries are gone with it. Every process can list and watch the entries of all.
 */
export class Presence<T = unknown> implements Disposable {
  readonly #layer: Layer<Cells>
  readonly #view: EntryView<T>
  /** The cells of this handle's entries, by id. */
  readonly #own = new Map<string, number>()
  #start = Math.floor(Math.random() * 2 ** 30)
  #closed = false

  /**
   * If other members use a presence with other sizes, it is taken as it is, and the process gets one warning with the
   * code ORBIT_GEOMETRY_DIFFERS.
   *
   * @throws TypeError or RangeError for wrong options; what else opening a table throws
   */
  constructor(fleet: Fleet | FleetObserver, options: PresenceOptions = {}) {
    checkOptions('options', options, ['name', 'capacity', 'entryBytes'])
    const { name = 'default', capacity, entryBytes } = options
    if (entryBytes !== undefined) checkInteger('entryBytes', entryBytes, 1, maxEntryBytes)
    this.#layer = reservedLayer(fleet, Cells, {
      name: 'orbit.presence',
      kind: undefined,
      ownName: name,
      capacity,
      payloadBytes: entryBytes === undefined ? undefined : entryHeaderBytes + entryBytes,
      payloadOption: { option: 'entryBytes', overhead: entryHeaderBytes },
      defaults: { capacity: 16384, payloadBytes: entryHeaderBytes + 152 },
    })
    this.#view = new EntryView(fleet, () => this.#layer.open())
  }

  /**
   * Adds an entry of this process, or replaces its value. From now on every process finds it. It is removed by
   * `delete`, by `close`, and by the end of the process or of its fleet handle.
   *
   * @param id 1 or more bytes of UTF-8. Entries of other processes, and of other handles, with the same id are others.
   * @param value what JSON.stringify can write, or undefined
   * @throws TypeError or RangeError for wrong arguments; RangeError ERR_ORBIT_PAYLOAD_SIZE for an entry that does not
   *   fit; ERR_ORBIT_TABLE_FULL, ERR_ORBIT_NO_SPACE, ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an
   *   observer. After an error nothing has changed.
   */
  set(id: string, value: T): void {
    checkId(id)
    const cells = this.#writable()
    const text = value === undefined ? '' : jsonOf(value)
    const cell = this.#own.get(id)
    if (cell !== undefined && cells.change(cell, id, text)) return
    // The next search begins behind this one: it passes no cells that this process has filled.
    this.#own.set(id, cells.add(id, text, this.#start))
    this.#start = (this.#own.get(id) as number) + 1
  }

  /**
   * Removes an entry of this handle.
   *
   * @returns false: this handle has no entry with the id
   * @throws TypeError or RangeError for a wrong id; ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_READ_ONLY for an
   *   observer
   */
  delete(id: string): boolean {
    checkId(id)
    const cells = this.#writable()
    const cell = this.#own.get(id)
    if (cell === undefined) return false
    this.#own.delete(id)
    return cells.empty(cell)
  }

  /**
   * The entries of all living processes, in no order. Each was there at some instant during the call. Only entries that
   * have changed since the last call are read anew.
   *
   * @throws ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT
   */
  list(): PresenceEntry<T>[] {
    this.#layer.fleet.checkOpen()
    this.#view.update()
    return [...this.#view.entries]
  }

  /** How many entries all living processes have. @throws ERR_ORBIT_RETIRED, ERR_ORBIT_CLOSED, ERR_ORBIT_CORRUPT */
  get size(): number {
    this.#layer.fleet.checkOpen()
    this.#view.update()
    return this.#view.size
  }

  /**
   * Yields 'added' for each entry that is there, and then each change. Changes of the same moment come in no order, and
   * of several changes of one entry the last may be the only one. A death is noticed within 50 ms. The iteration
   * keeps the process alive unless `keepAlive` is false. It ends when the signal is aborted or the fleet is closed.
   *
   * @throws TypeError for wrong options; ERR_ORBIT_CLOSED, ERR_ORBIT_RETIRED, ERR_ORBIT_CORRUPT
   */
  watch(options: WatchPresenceOptions = {}): AsyncGenerator<PresenceChange<T>, void, undefined> {
    checkOptions('options', options, ['signal', 'keepAlive'])
    checkSignal(options.signal)
    checkFlag('keepAlive', options.keepAlive)
    this.#layer.fleet.checkOpen()
    return this.#changes(options)
  }

  async *#changes({ signal, keepAlive = true }: WatchPresenceOptions) {
    const { fleet } = this.#layer
    const view = new EntryView<T>(fleet, () => this.#layer.open())
    let news: PresenceChange<T>[] = []
    // It looks whenever anything signals the bell, and asks for deaths only when there may be some.
    let [round, hasDeaths] = [-1, true]
    const hasNews = () => {
      hasDeaths = round !== fleet.bell.deathRound
      round = fleet.bell.deathRound
      news = news.concat(view.update(hasDeaths))
      return news.length > 0
    }
    const members = () => (hasDeaths ? view.members() : [])
    const sleeper = new Sleeper(
      fleet.bell,
      sourceOf(() => this.#layer.open(), hasNews, members),
      true,
    )
    const isOver = () => fleet.closed || signal?.aborted === true
    while (!isOver()) {
      const changes = news.concat(view.update())
      news = []
      for (const change of changes) {
        if (isOver()) return
        yield change
      }
      try {
        round = -1
        if (changes.length > 0) await nextTurn()
        else await sleeper.wait(0, { signal, keepAlive })
      } catch (error) {
        if (!isOver()) throw error
      }
    }
  }

  /** Removes the entries of this handle. A later `set` or `delete` throws ERR_ORBIT_CLOSED. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const cells = this.#layer.fleet.closed ? undefined : this.#layer.open()
    for (const cell of this.#own.values()) cells?.empty(cell)
    this.#own.clear()
  }

  /** Calls `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #writable(): Cells {
    if (this.#closed) {
      throw new OrbitError('ERR_ORBIT_CLOSED', `${this.#layer.what}: the presence was closed; make another`)
    }
    return this.#layer.writable()
  }
}

/** What a watch sleeps on: the table, once it is there. It is made once: the bell is signalled for other news, too. */
function sourceOf(
  open: () => Cells | undefined,
  hasNews: () => boolean,
  members: () => Iterable<MemberId>,
): () => Wakeable | undefined {
  let known: Cells | undefined
  let source: Wakeable | undefined
  const make = (cells: Cells): Wakeable => ({
    kind: cells.kind,
    get closed() {
      return cells.closed
    },
    members,
    hasNews,
    fallAsleep: () => {
      cells.arm()
      return hasNews()
    },
    disarm: () => cells.disarm(),
  })
  return () => {
    const cells = open()
    if (cells !== known) source = cells && make(cells)
    known = cells
    return source
  }
}

function checkId(id: unknown): void {
  if (typeof id !== 'string') throw wrongType('id', id, 'a string')
  if (id === '') throw outOfRange('id', id, 'a string of 1 or more bytes')
}
