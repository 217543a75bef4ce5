import type {
  PartitionStore,
  Store,
  StoreChange,
  StoredActor,
  StoredAlarm,
  StoredCounts,
  StoredMessage,
} from './store.js'

const idOf = (...parts: string[]): string => JSON.stringify(parts)

/** The data of one partition, which outlives its openings. */
class Data {
  isOpen = false
  token = 0
  readonly versions = new Map<string, number>()
  readonly classVersions = new Map<string, number>()
  readonly entries = new Map<string, Map<string, Uint8Array>>()
  readonly pages = new Map<string, Uint8Array[]>()
  readonly alarms = new Map<string, StoredAlarm>()
  readonly replies = new Map<string, { reply: Uint8Array; atMs: number }>()
  readonly messages = new Map<number, StoredMessage>()

  apply(change: StoreChange): void {
    switch (change.kind) {
      case 'actor':
        this.versions.set(idOf(change.type, change.key), change.version)
        this.classVersions.set(change.type, Math.max(change.version, this.classVersions.get(change.type) ?? 0))
        break
      case 'entry':
        this.#enter(idOf(change.type, change.key), change.name, change.value)
        break
      case 'page':
        this.#pagesOf(change.type, change.key)[change.page - 1] = change.bytes
        break
      case 'no pages':
        this.#pagesOf(change.type, change.key).length = change.after
        break
      case 'alarm':
        this.alarms.set(idOf(change.alarm.type, change.alarm.key, change.alarm.name), change.alarm)
        break
      case 'no alarm':
        this.alarms.delete(idOf(change.type, change.key, change.name))
        break
      case 'reply':
        this.replies.set(idOf(change.type, change.key, change.idempotencyKey), change)
        break
      case 'no replies':
        for (const [id, { atMs }] of this.replies) if (atMs < change.beforeMs) this.replies.delete(id)
        break
      case 'message':
        this.messages.set(change.message.sequence, change.message)
        break
      case 'no message':
        this.messages.delete(change.sequence)
        break
    }
  }

  #pagesOf(type: string, key: string): Uint8Array[] {
    const id = idOf(type, key)
    const pages = this.pages.get(id) ?? []
    this.pages.set(id, pages)
    return pages
  }

  #enter(id: string, name: string, value: Uint8Array | undefined): void {
    const entries = this.entries.get(id) ?? new Map<string, Uint8Array>()
    this.entries.set(id, entries)
    if (value === undefined) entries.delete(name)
    else entries.set(name, value)
  }
}

/** A partition in memory, as one process has it open. */
class MemoryPartition implements PartitionStore {
  readonly token: number
  readonly lastSequence: number
  readonly versions: ReadonlyMap<string, number>
  readonly #data: Data
  #isOpen = true

  constructor(data: Data, token: number) {
    this.#data = data
    this.token = Math.max(token, data.token + 1)
    this.lastSequence = Math.max(0, ...data.messages.keys())
    this.versions = new Map(data.classVersions)
    data.token = this.token
    data.isOpen = true
  }

  read(type: string, key: string): StoredActor | undefined {
    const id = idOf(type, key)
    const version = this.#data.versions.get(id)
    if (version === undefined) return undefined
    const alarms = [...this.#data.alarms.values()].filter((alarm) => alarm.type === type && alarm.key === key)
    return { version, entries: [...(this.#data.entries.get(id) ?? [])], alarms }
  }

  pages(type: string, key: string): readonly Uint8Array[] {
    return [...(this.#data.pages.get(idOf(type, key)) ?? [])]
  }

  reply(type: string, key: string, idempotencyKey: string): Uint8Array | undefined {
    return this.#data.replies.get(idOf(type, key, idempotencyKey))?.reply
  }

  alarms(limit: number): StoredAlarm[] {
    return [...this.#data.alarms.values()].sort((one, other) => one.atMs - other.atMs).slice(0, limit)
  }

  messages(after: number, limit: number): StoredMessage[] {
    const later = [...this.#data.messages.values()].filter(({ sequence }) => sequence > after)
    return later.sort((one, other) => one.sequence - other.sequence).slice(0, limit)
  }

  commit(changes: readonly StoreChange[]): void {
    for (const change of changes) this.#data.apply(change)
  }

  counts(): StoredCounts {
    const { versions, entries, pages, alarms, replies, messages } = this.#data
    const atMs = [...alarms.values()].map((alarm) => alarm.atMs)
    const values = [...[...entries.values()].flatMap((each) => [...each.values()]), ...[...pages.values()].flat()]
    return {
      actors: versions.size,
      alarms: alarms.size,
      nextAlarmMs: atMs.length === 0 ? undefined : Math.min(...atMs),
      messages: messages.size,
      replies: replies.size,
      bytes: values.reduce((sum, { length }) => sum + length, 0),
    }
  }

  close(): void {
    if (this.#isOpen) this.#data.isOpen = false
    this.#isOpen = false
  }
}

/**
 * A store in the memory of this process, for tests. It outlives the systems that use it: pass the same one again to see
 * what a restart finds.
 */
export function memory(): Store {
  const partitions = new Map<string, Data>()
  return {
    open(system, partition, token) {
      const id = idOf(system, String(partition))
      const data = partitions.get(id) ?? new Data()
      partitions.set(id, data)
      return data.isOpen ? undefined : new MemoryPartition(data, token)
    },
  }
}
