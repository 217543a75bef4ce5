import type { Driver, Peer, Place } from '../drivers/driver.js'
import type { CellResult } from '../results.js'

export type Role = 'publisher' | 'subscriber'

/** One set of parameters: a comparison of all drivers. What its cells are made of, and as what the results know it. */
export interface Parameters {
  /** As '64 B, 4 readers'; '' where a trial has but one. */
  readonly label: string
  /** The same as numbers, for charts and slopes; a trial may find its own here too. */
  readonly values: Readonly<Record<string, number>>
  /** Peers; where there are no messages (a cache, claims), all are publishers. */
  readonly publishers: number
  readonly subscribers: number
  readonly messageBytes: number
  /** As in Place: of all publishers together. */
  readonly burst: number
}

export interface Plan {
  readonly parameters: readonly Parameters[]
  /** Visits to each cell whose samples count; one more warms it up. */
  readonly rounds: number
  /** What one visit is to take. */
  readonly visitMs: number
}

/** What is measured of every driver that has the part it needs. */
export interface Trial {
  readonly name: string
  /** What a figure is, in a sentence. */
  readonly measures: string
  readonly unit: CellResult['unit']
  readonly better: CellResult['better']
  readonly needs: 'messages' | 'latest' | 'cache' | 'claims'
  /** Which of the drivers that have this part it can be run with; default all. */
  suits?(driver: Driver): boolean
  readonly full: Plan
  readonly quick: Plan
  /**
   * In the cell's host, the parent of its peers: they all run, none is open. Opens them (`host.open()`) and resolves to
   * what a visit does; a visit resolves to its samples.
   */
  host(host: Host): Promise<() => Promise<number[]>>
  /** In a peer, when it is opened: resolves to what answers the host's `ask`. */
  peer(context: PeerContext): Promise<Answerer>
}

export interface Host {
  readonly driver: Driver
  readonly parameters: Parameters
  readonly visitMs: number
  /** As in Place. */
  readonly name: string
  /** Of the driver's server, if it has one. */
  readonly serverPid: number | undefined
  readonly publishers: readonly PeerHandle[]
  readonly subscribers: readonly PeerHandle[]
  /** Calls the driver's host part, then opens all peers: who stands alone on its side first. */
  open(): Promise<void>
  /** One more peer, which runs and is not open. */
  start(role: Role, index: number): Promise<PeerHandle>
}

/** A peer, as its host sees it. */
export interface PeerHandle {
  readonly role: Role
  readonly index: number
  /** Of its process; threads have that of the host. */
  readonly pid: number
  open(): Promise<void>
  /** Collects its garbage. */
  collect(): Promise<void>
  /** An order for the trial's `peer` part, and its answer; an error when the peer fails or ends. Both as JSON allows. */
  ask<T>(order: unknown): Promise<T>
  /** SIGKILL, of a thread its end; resolves when it is gone. */
  kill(): Promise<void>
}

export interface PeerContext {
  readonly driver: Driver
  readonly role: Role
  readonly place: Place
  readonly parameters: Parameters
  /** The driver's line to the host. */
  readonly peer: Peer
}

export interface Answerer {
  answer(order: never): unknown
  /** Closes what it opened. */
  close(): void | Promise<void>
}
