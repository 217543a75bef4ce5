/** How large a store is to be. */
interface NativeStoreWish {
  readonly kind: number
  readonly bytes: number
  readonly entryBytes: number
  /** Whether a member that is alone makes a store of another size anew. */
  readonly isAsked: boolean
}

interface NativeOpenStore {
  readonly handle: number
  readonly objectBytes: number
  readonly maxValueBytes: number
  /** It has another size than was asked for. */
  readonly isOther: boolean
}

/** The counters of all nodes of a store, and how its segments are used. */
export interface NativeStoreReport {
  /** The name for which the fleet has chosen its KIND, such as `orbit.store:pages`; '': it has a KIND of its own. */
  readonly name: string
  readonly objectBytes: number
  readonly hits: number
  readonly misses: number
  readonly puts: number
  readonly putBytes: number
  readonly deletes: number
  readonly evicted: number
  readonly moved: number
  readonly movedBytes: number
  readonly conflicts: number
  readonly refused: number
  readonly segments: number
  readonly usedSegments: number
  readonly usedBytes: number
  /** Records in its segments, old versions included. */
  readonly records: number
  /** Of these: the entries of keys. */
  readonly entries: number
  readonly burned: number
}

/** The numbers of stores in `abi`. */
export interface StoreAbi {
  readonly storeKind: number
  readonly storeKeyAt: number
  readonly maxStoreKeyBytes: number
  readonly maxStorePrefixBytes: number
  readonly maxStoreTags: number
  readonly maxStoreBytes: number
  readonly storeTtlMs: number
  readonly storeStaleMs: number
  readonly storeId: number
  readonly storeCondition: number
  readonly storeTagCount: number
  readonly storeTagBytes: number
  readonly storeReservation: number
  readonly listedEntryBytes: number
  readonly listedEntryId: number
  readonly listedEntryValueBytes: number
  readonly listedEntryAgeMs: number
  readonly listedEntryExpiresInMs: number
  readonly listedEntryKeyBytes: number
  readonly listedEntryFrequency: number
}

/** The calls of the addon on stores. All but the first two take their numbers from the scratch. */
export interface StoreCalls {
  /** Undefined: an observer finds no store. */
  openStore(fleet: number, wish: NativeStoreWish): NativeOpenStore | undefined
  /** Undefined: there is no store. */
  inspectStore(fleet: number, kind: number): NativeStoreReport | undefined
  /** Undefined: a hit; 0: a miss; status.short: there is too little room. */
  storeGet(): number | undefined
  storeGetInto(target: Uint8Array): number | undefined
  /** Undefined: the entry with the id is still that of its key; 0: it is not. */
  storeIsUnchanged(): number | undefined
  /**
   * Undefined: stored; 0: its condition did not hold; 1: stored, and to be noted for watchers, as of the next three.
   * Without a value, it is in the scratch.
   */
  storePut(value?: Uint8Array): number | undefined
  /** Undefined or 1: there was an entry; 0: there was none. */
  storeDelete(): number | undefined
  storeReserve(): number | undefined
  storeReset(): number | undefined
  /** The head has its time. */
  storeInvalidate(): number | undefined
  /** From now on changes are to be noted. */
  storeWatch(): number | undefined
  storeInvalidatedAt(): number
  storeList(): number
}
