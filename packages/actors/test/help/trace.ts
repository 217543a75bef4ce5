// A record of what a process has done to its files, as test/fixtures/tracedisk.cc writes it, and the files that a power
// cut leaves.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** An event. */
export interface TraceEvent {
  readonly what: 'write' | 'truncate' | 'unlink' | 'begin' | 'end'
  readonly file: string
  readonly at: number
  readonly bytes: Uint8Array
}

/** The events of a record, in order. */
export function readTrace(path: string): TraceEvent[] {
  const data = readFileSync(path)
  const events: TraceEvent[] = []
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(10, at)
    const { length, ...event } = JSON.parse(data.toString('utf8', at, end)) as TraceEvent & { length: number }
    events.push({ ...event, bytes: data.subarray(end + 1, end + 1 + length) })
    at = end + 1 + length
  }
  return events
}

/** A file: what is on the disk for certain, and what may be there or not. */
class TracedFile {
  #synced: Buffer = Buffer.alloc(0)
  #unsynced: TraceEvent[] = []
  #covered = 0

  note(event: TraceEvent): void {
    if (event.what === 'begin') {
      this.#covered = this.#unsynced.length
    } else if (event.what === 'end') {
      this.#synced = applyAll(this.#synced, this.#unsynced.slice(0, this.#covered))
      this.#unsynced = this.#unsynced.slice(this.#covered)
      this.#covered = 0
    } else {
      this.#unsynced.push(event)
    }
  }

  /** What a power cut leaves; `isKept` says of each write that was not synced whether it is there. */
  after(isKept: () => boolean): Buffer {
    return applyAll(this.#synced, this.#unsynced.filter(isKept))
  }
}

/** A file after more events: in one new buffer, since there are thousands of them. */
function applyAll(before: Buffer, events: readonly TraceEvent[]): Buffer {
  if (events.length === 0) return before
  const most = events.reduce((size, { at, bytes }) => Math.max(size, at + bytes.length), before.length)
  const after = Buffer.alloc(most)
  after.set(before)
  let size = before.length
  for (const { what, at, bytes } of events) {
    if (what === 'truncate') after.fill(0, at)
    else after.set(bytes, at)
    size = what === 'truncate' ? at : Math.max(size, at + bytes.length)
  }
  return after.subarray(0, size)
}

/** The files of a folder after the first events of a record. */
export class TracedFolder {
  readonly #files = new Map<string, TracedFile>()
  /** Those that were removed since their folder was synced: they may be there again. */
  readonly #removed = new Map<string, TracedFile>()

  note(event: TraceEvent): void {
    const isWritten = event.what === 'write' || event.what === 'truncate'
    const file = this.#files.get(event.file) ?? (isWritten ? new TracedFile() : undefined)
    if (event.what === 'unlink') {
      if (file !== undefined) this.#removed.set(event.file, file)
      this.#files.delete(event.file)
    } else if (file !== undefined) {
      this.#files.set(event.file, file)
      file.note(event)
    } else if (event.what === 'end') {
      for (const name of this.#removed.keys()) if (dirname(name) === event.file) this.#removed.delete(name)
    }
  }

  /** Writes what a power cut leaves to a folder. */
  write(folder: string, isKept: () => boolean): void {
    const back = [...this.#removed].filter(([name]) => !this.#files.has(name) && !isKept())
    for (const [name, file] of [...this.#files, ...back]) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), file.after(isKept))
    }
  }
}
