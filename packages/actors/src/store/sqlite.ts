import { FileLock } from 'orbit-node'
import { checkName, checkOptions, outOfRange } from '../../../shared/check.js'
import { partitionCount } from '../base/partitions.js'
import { DataFolder } from './datafolder.js'
import { loadDriver, type SqliteDriver } from './sqlitedriver.js'
import { SqlitePartition } from './sqlitepartition.js'
import type { Store } from './store.js'

/** Options of `sqlite`. */
export interface SqliteOptions {
  /**
   * What an acknowledged change outlives. 'full': a power cut; each commit waits for the disk. 'normal': the end of the
   * process in any way; after a power cut, the last changes may be missing. Default 'full'.
   */
  durability?: 'full' | 'normal'
  /** The library to use; default: better-sqlite3 if it is installed and fits this Node, else node:sqlite. */
  driver?: SqliteDriver
}

/**
 * A store of files of SQLite, one a partition, in a folder of this host. Each file belongs to one process at a time, by
 * a lock of the kernel on a file beside it: two fleets, or two containers that share the folder, have one owner as
 * well.
 *
 * @param path the folder; it is created if it is missing
 * @throws TypeError or RangeError for wrong options; Error if there is no SQLite in this process
 */
export function sqlite(path: string, options: SqliteOptions = {}): Store {
  checkName('path', path, 4000)
  checkOptions('options', options, ['durability', 'driver'])
  const { durability = 'full', driver } = options
  if (durability !== 'full' && durability !== 'normal') {
    throw outOfRange('options.durability', durability, '"full" or "normal"')
  }
  if (driver !== undefined && driver !== 'better-sqlite3' && driver !== 'node:sqlite') {
    throw outOfRange('options.driver', driver, '"better-sqlite3" or "node:sqlite"')
  }
  const library = loadDriver(driver)
  const folders = new Map<string, DataFolder>()
  const folderOf = (system: string): DataFolder => {
    const folder = folders.get(system) ?? new DataFolder(path, system, partitionCount)
    folders.set(system, folder)
    return folder
  }
  return {
    open(system, partition, claimToken) {
      const folder = folderOf(system)
      const lock = folder.tryLock(partition)
      if (lock === undefined) return undefined
      try {
        folder.checkPresence(partition)
        const isFull = durability === 'full'
        const opened = new SqlitePartition({ folder, partition, library, lock, claimToken, isFull })
        folder.noteCreated(partition)
        return opened
      } catch (error) {
        lock.release()
        throw error
      }
    },
    holder(system, partition) {
      const pid = FileLock.lastHolder(folderOf(system).lockOf(partition))
      return pid === undefined ? undefined : `the process ${pid}`
    },
  }
}
