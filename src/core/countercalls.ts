/** The numbers of counters that the addon knows. */
export interface CounterAbi {
  readonly maxCounterName: number
  readonly bucketCells: number
  readonly counterHeaderBytes: number
  readonly counterTtlMs: number
  readonly counterLimit: number
  readonly counterValue: number
  readonly counterBefore: number
  readonly counterCell: number
  readonly counterStamp: number
  readonly counterGeneration: number
  readonly counterHad: number
  readonly listedCounterBytes: number
  readonly listedCounterExpiresInMs: number
  readonly listedCounterCell: number
  readonly listedCounterGeneration: number
  readonly listedCounterKind: number
  readonly listedCounterNameBytes: number
}

/** What the addon's calls on counters return beside the statuses of all calls. */
export interface CounterStatus {
  /** There is none of this name. */
  readonly none: number
  /** The change was refused, and the counter is loaded as it was. */
  readonly refused: number
  /** The name is one of another kind. */
  readonly other: number
  /** It must be looked up by name. */
  readonly stale: number
}

/** The addon's calls on counters. All but the list take their numbers from the scratch. */
export interface CounterCalls {
  /** Undefined: the counter is changed, and loaded. `stale` or `none`: use counterChangeNamed. */
  counterChange(): number | undefined
  counterChangeNamed(name: string): number | undefined
  /** Undefined: the counter is loaded. */
  counterGet(name: string): number | undefined
  /** 1: removed, and its last value is loaded; 0: there was none. */
  counterRemove(name: string): number | undefined
  counterList(counters: number, bucket: number, prefix: string): number
}
