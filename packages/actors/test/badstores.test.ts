// Stores that throw where they should not, events that cannot be published, and data that vanishes.
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Actor, memory, type PartitionStore, type Store, StoreError } from '../src/index.js'
import { sqlite } from '../src/sqlite.js'
import { dataFolder, drivers } from './help/stores.js'
import { Log, localFleet, start, until } from './help/systems.js'

class Note extends Actor<{ text: string }> {
  write(text: string) {
    this.ctx.storage.put('text', text)
    return text
  }
  read() {
    return this.ctx.storage.get('text')
  }
  async writeAndEmit(text: string, topic: string, value: unknown) {
    this.write(text)
    this.ctx.emit(topic, value)
    await undefined
    return text
  }
  async emit(topic: string, value: unknown) {
    await undefined
    this.ctx.emit(topic, value)
    return 'emitted'
  }
}

const actors = { Note }

/** A store in memory, some methods of which are others. */
function changed(change: (opened: PartitionStore) => Partial<PartitionStore>): Store {
  const kept = memory()
  return {
    open: async (...opening) => {
      const opened = (await kept.open(...opening)) as PartitionStore | undefined
      return opened === undefined ? undefined : Object.assign(opened, change(opened))
    },
  }
}

/** A note in a store that fails the first time in each way. */
function noteIn(store: Store) {
  const log = new Log()
  const system = start({ fleet: localFleet(), actors, store, log })
  return { system, note: system.get('Note', 'a'), log }
}

const secret = Proxy.revocable(new Error('no'), {})
secret.revoke()
const thrown = {
  nothing: undefined,
  'a text': 'text',
  'an object': { message: 'object' },
  'an object without a prototype': Object.create(null),
  'a symbol': Symbol('thrown'),
  'a proxy that was revoked': secret.proxy,
  'an error without an outcome': Object.assign(new StoreError('no', 'rolled-back'), { outcome: undefined }),
  'an error without a text': Object.assign(new StoreError('no', 'unknown'), { message: Object.create(null) }),
}

describe('a store', () => {
  it.each(Object.entries(thrown))('may throw %s from a commit', async (_, thrown) => {
    let fails = true
    const { note } = noteIn(
      changed((opened) => {
        const commit = opened.commit.bind(opened)
        return {
          commit: (changes) => {
            if (!fails) return commit(changes)
            fails = false
            throw thrown
          },
        }
      }),
    )
    await expect(note.write('one')).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome: 'unknown' })
    expect(await note.write('two')).toBe('two')
  })

  it.each(['read', 'reply'] as const)('may throw, reject or lie in %s', async (method) => {
    const answers = [
      () => {
        throw 'text'
      },
      async () => Promise.reject(undefined),
      () => (method === 'read' ? { version: 1, entries: 5 } : Buffer.from('nonsense')) as never,
    ]
    const { note } = noteIn(
      changed((opened) => {
        const real = opened[method].bind(opened) as () => never
        return { [method]: (...args: []) => (answers.shift() ?? real)(...args) }
      }),
    )
    for (const outcome of ['not-run', 'not-run', method === 'read' ? 'not-run' : 'done']) {
      const failed = note.with({ idempotencyKey: 'key' }).write('one')
      await expect(failed).rejects.toMatchObject({ code: 'ERR_ORBIT_ACTOR_STORE', outcome })
    }
    expect(await note.with({ idempotencyKey: 'key' }).write('two')).toBe('two')
  })

  it('may fail to close, and its partitions go to the next process', async () => {
    const store = changed((opened) => {
      const close = opened.close.bind(opened)
      return {
        close: async () => {
          await close()
          throw new Error('no')
        },
      }
    })
    const fleet = localFleet()
    const [first, log] = [start({ fleet, actors, store, log: new Log() }), new Log()]
    await first.get('Note', 'a').write('one')
    await first.close()
    expect(await start({ fleet, actors, store, log }).get('Note', 'a').read()).toBe('one')
  })
})

describe('an event that cannot be published', () => {
  it('fails its method if it has no JSON, and harms no other call if the bus refuses it', async () => {
    const { note, log } = noteIn(memory())
    await expect(note.emit('counted', 1n)).rejects.toThrow(/BigInt/)
    await expect(note.emit('counted', undefined)).rejects.toThrow(/value=undefined must be/)
    const topic = 'x'.repeat(70_000)
    const written = [note.writeAndEmit('one', topic, 1), note.write('two'), note.emit(topic, 1)]
    expect(await Promise.all(written)).toEqual(['one', 'two', 'emitted'])
    expect(await note.read()).toBe('two')
    expect(log.lines.filter((line) => String(line[1]).includes('could not be published'))).toHaveLength(2)
  })
})

describe.each(drivers)('a folder of %s', (driver) => {
  const note = (folder: string) => noteIn(sqlite(folder, { driver, durability: 'normal' }))

  it('that is moved or removed acknowledges nothing more, and is used again when it is back', async () => {
    const folder = dataFolder()
    const { note: ref, log } = note(folder)
    await ref.write('one')
    renameSync(join(folder, 'default'), join(folder, 'gone'))
    const failed = async () => {
      for (;;) await ref.with({ timeoutMs: 500 }).write('lost')
    }
    await expect(failed()).rejects.toMatchObject({
      code: 'ERR_ORBIT_ACTOR_STORE',
      message: expect.stringContaining('was moved or removed while it was open'),
    })
    await until(() => log.lines.some((line) => /cannot be opened/.test(String(line[0]))))
    cpSync(join(folder, 'gone'), join(folder, 'default'), { recursive: true })
    expect(await ref.write('two')).toBe('two')
    expect(await ref.read()).toBe('two')
  })

  it('that cannot be made or opened is tried again, and the log says why', async () => {
    const folder = dataFolder()
    writeFileSync(join(folder, 'file'), '')
    const { note: ref, log } = note(join(folder, 'file'))
    await until(() => log.lines.some((line) => /ENOTDIR|EEXIST/.test(String(line[1]))))
    await expect(ref.with({ timeoutMs: 20 }).write('one')).rejects.toMatchObject({ outcome: 'not-run' })
    rmSync(join(folder, 'file'))
    mkdirSync(join(folder, 'file'))
    expect(await ref.write('one')).toBe('one')
  })
})
