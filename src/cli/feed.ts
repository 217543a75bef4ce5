import type { Item } from './item.js'

/** Where a feed begins; a negative number counts back from the head. */
export type From = 'start' | 'head' | number

export interface ItemBatch {
  readonly items: Item[]
  /** The positions that the poll passed, which may be more than it has items: a filter skips frames. */
  readonly from: number
  readonly to: number
}

/** A cursor that gives items. A loss comes before the items that follow it. */
export interface ItemFeed {
  readonly position: number
  poll(max: number): ItemBatch
  /** Resolves when there is news, or when the signal is aborted. */
  untilNews(signal: AbortSignal): Promise<void>
}
