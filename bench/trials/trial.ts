import type { Driver, Place } from '../drivers/driver.js'
import type { Line } from '../line.js'
import type { Better, Unit } from '../units.js'

export type Role = 'publisher' | 'subscriber'

/** One set of parameters of a trial. */
export interface Case {
  /** As '64 B, 4 readers'; '' where a trial has one case. */
  readonly label: string
  /** What a figure is, where that differs from case to case. */
  readonly measures?: string
  /** Numbers that the trial reads. */
  readonly values: Readonly<Record<string, number>>
  /** Peers. In a trial without messages all are publishers; with none the host does the work itself. */
  readonly publishers: number
  readonly subscribers: number
  readonly messageBytes: number
  /** How many messages all publishers together may send before a subscriber has read one. */
  readonly burst: number
}

export const aloneCase = (label: string, values: Case['values'] = {}): Case => ({
  ...{ label, values, publishers: 0, subscribers: 0, messageBytes: 64, burst: 0 },
})

/** How much is measured. */
export interface Plan {
  /** A function where the cases are in a module that a peer need not load. */
  readonly cases: readonly Case[] | (() => Promise<readonly Case[]>)
  /** Runs of each cell that count; one more warms it up. */
  readonly rounds: number
  readonly runMs: number
}

export type Part = 'messages' | 'requests' | 'latest' | 'cache' | 'claims' | 'counts' | 'limits' | 'script'

/** What is measured of every driver that has the part it needs. */
export interface Trial {
  readonly name: string
  /** What a figure is, in a sentence. */
  readonly measures: string
  readonly unit: Unit
  readonly better: Better
  readonly needs: 'calls' | Part
  /** Whether it can be run with a driver that has this part; default: it can. */
  suits?(driver: Driver): boolean
  /** All cases are measured in turn, not only the drivers of one case: their ratios matter too. */
  readonly together?: boolean
  readonly full: Plan
  readonly quick: Plan
  /** In the host, when all peers are open. */
  host(host: Host): Promise<Run> | Run
  /** In a peer, when it opens. */
  peer?(context: PeerContext): Promise<PeerPart>
}

/** The host's side of a cell. */
export interface Run {
  /** Measures once. */
  samples(): Promise<number[]> | number[]
  close?(): void | Promise<void>
}

export interface Host {
  readonly driver: Driver
  readonly case: Case
  readonly runMs: number
  readonly place: Place
  /** Of the driver's server, if it has one. */
  readonly serverPid?: number | undefined
  readonly publishers: readonly Peer[]
  readonly subscribers: readonly Peer[]
  /** Starts one more peer, which is not open. */
  start(role: Role, index: number): Promise<Peer>
}

/** A peer, as its host sees it. */
export interface Peer extends Line {
  readonly role: Role
  readonly pid: number
  /** 'open', 'close', 'collect' (its garbage), or an order for the trial's peer part. */
  ask<T>(what: unknown): Promise<T>
  /** Resolves when it is gone. */
  kill(): Promise<unknown>
}

export interface PeerContext {
  readonly driver: Driver
  readonly role: Role
  readonly place: Place
  readonly case: Case
  readonly line: Line
}

export interface PeerPart {
  answer(what: never): unknown
  close(): void | Promise<void>
}

/** That part of a driver; a cell has only drivers with the part that its trial needs. */
export function partOf<K extends Part>(driver: Driver, part: K): NonNullable<Driver[K]> {
  const found = driver[part]
  if (found === undefined) throw new Error(`${driver.name} has no ${part}`)
  return found
}
