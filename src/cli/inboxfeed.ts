import { setTimeout as sleep } from 'node:timers/promises'
import { Boxes } from '../core/boxes.js'
import type { FleetObserver } from '../core/observer.js'
import type { From, ItemBatch, ItemFeed } from './feed.js'
import type { Item } from './item.js'
import { decode } from './payload.js'

const pauseMs = 20

/** The messages of all inboxes of one KIND, as they are accepted. It takes none of them from their owners. */
class InboxFeed implements ItemFeed {
  readonly #boxes: Boxes
  readonly #isWanted: (frameKind: number) => boolean
  /** By instance: the next position to read. */
  readonly #next: number[]

  constructor(boxes: Boxes, from: From, isWanted: (frameKind: number) => boolean) {
    this.#boxes = boxes
    this.#isWanted = isWanted
    this.#next = Array.from({ length: boxes.boxes }, (_, instance) => {
      const { head } = boxes.look(instance)
      if (from === 'start') return Math.max(0, head - boxes.perBox)
      if (from === 'head') return head
      return from >= 0 ? from : Math.max(0, head + from)
    })
  }

  /** Of all inboxes together: it grows with each message. */
  get position(): number {
    return this.#next.reduce((sum, next) => sum + next, 0)
  }

  async untilNews(signal: AbortSignal): Promise<void> {
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }

  poll(max: number): ItemBatch {
    const from = this.position
    const items: Item[] = []
    for (let instance = 0; instance < this.#next.length && items.length < max; instance++) {
      items.push(...this.#poll(instance, max - items.length))
    }
    return { items, from, to: this.position }
  }

  #poll(instance: number, max: number): Item[] {
    const from = this.#next[instance] as number
    const { messages, to, lost, malformed } = this.#boxes.peek(instance, from, max)
    this.#next[instance] = to
    const loss: Item[] = lost + malformed > 0 ? [{ item: 'loss', from, to, lost, malformed }] : []
    const wanted = messages.filter(({ frameKind }) => this.#isWanted(frameKind))
    return [
      ...loss,
      ...wanted.map((message): Item => ({ item: 'message', instance, message, decoded: decode(message.payload) })),
    ]
  }
}

/** The feed of the inboxes of a KIND; undefined: it is no inbox. */
export function inboxFeed(
  fleet: FleetObserver,
  kind: number,
  from: From,
  isWanted: (frameKind: number) => boolean,
): ItemFeed | undefined {
  const found = fleet.existing(kind)
  return found instanceof Boxes ? new InboxFeed(found, from, isWanted) : undefined
}
