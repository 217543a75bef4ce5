// A process with durable actors: durablehost.ts FLEET FOLDER STORE LABEL. It has all partitions if LABEL is 'owner'.
// STORE is 'full', 'normal', 'each' (full, and each change a commit of its own), 'nothing' (which writes nothing) or
// 'none'. Asked by a message, it answers with the delays of its event loop since the last time, in milliseconds.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Actor, actors, type PartitionStore, type Store } from 'orbit-actors'
import { sqlite } from 'orbit-actors/sqlite'
import { Fleet } from 'orbit-node'

export class Counter extends Actor<{ n: number }> {
  add(by: number): number {
    const n = (this.ctx.storage.get('n') ?? 0) + by
    this.ctx.storage.put('n', n)
    return n
  }
}

export class Table extends Actor {
  static readonly storage = 'sql'
  override onActivate(): void {
    this.ctx.sql.exec('create table if not exists counter (id integer primary key, n integer)')
    this.ctx.sql.exec('insert or ignore into counter values (1, 0)')
  }
  add(by: number): number {
    const row = this.ctx.sql.get<{ n: number }>('update counter set n = n + ? where id = 1 returning n', by)
    return row?.n ?? 0
  }
}

export class Plain extends Actor {
  #n = 0
  add(by: number): number {
    this.#n += by
    return this.#n
  }
}

type Commit = PartitionStore['commit']

/** A store with other commits. */
function withCommits(store: Store, commitOf: (commit: Commit) => Commit): Store {
  return {
    async open(...where): Promise<PartitionStore | undefined> {
      const opened = await store.open(...where)
      if (opened === undefined) return undefined
      return {
        token: opened.token,
        lastSequence: opened.lastSequence,
        versions: opened.versions,
        read: (...what) => opened.read(...what),
        reply: (...what) => opened.reply(...what),
        alarms: (limit) => opened.alarms(limit),
        messages: (...what) => opened.messages(...what),
        counts: () => opened.counts(),
        close: () => opened.close(),
        commit: commitOf((changes) => opened.commit(changes)),
      }
    },
  }
}

/** Each change is a commit of its own: what calls cost without group commit. */
const oneByOne = (commit: Commit) => async (changes: Parameters<Commit>[0]) => {
  for (const change of changes) await commit([change])
}

const commitsOf: Record<string, (commit: Commit) => Commit> = {
  each: oneByOne,
  nothing: () => () => {},
}

const [, , name = '', folder = '', kind = '', label = ''] = process.argv
if (process.send !== undefined) {
  const system = { fleet: Fleet.joinShm(name), actors: { Counter, Plain, Table }, pin: () => 'owner', label }
  const store = sqlite(folder, { durability: kind === 'normal' ? 'normal' : 'full' })
  const commits = commitsOf[kind]
  if (kind === 'none') actors(system)
  else actors({ ...system, store: commits === undefined ? store : withCommits(store, commits) })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  process.on('message', () => {
    process.send?.({ p99: delay.percentile(99) / 1e6 })
    delay.reset()
  })
  process.on('disconnect', () => process.exit())
  process.send('ready')
}
