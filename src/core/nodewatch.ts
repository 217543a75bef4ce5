import { checkFlag, checkOptions, checkSignal } from '../base/check.js'
import { runtime } from '../base/runtime.js'
import type { Bell } from './bell.js'
import type { NodeRecord } from './node.js'

/** Options of `watchNodes`: what ends it, and whether it keeps the process alive. */
export interface WatchNodesOptions {
  /** Aborting it ends the iteration. */
  signal?: AbortSignal
  /** Keeps the process alive while the iteration waits; default true. */
  keepAlive?: boolean
}

/** A change of the membership of a fleet. */
export interface NodeChange {
  /**
   * 'joined': the member is alive now. 'left': it called `close()`. 'died': its process or thread ended without that,
   * or its node has another member already.
   */
  readonly change: 'joined' | 'left' | 'died'
  /** The member, as it was last seen. `node` and `incarnation` together identify it. */
  readonly member: NodeRecord
}

/** A fleet handle, as far as a watch needs it. */
interface WatchedFleet {
  readonly closed: boolean
  readonly bell: Bell
  nodes(): NodeRecord[]
}

/** How often the records are looked at: of joining, leaving, and some deaths, no process is notified. */
const lookMs = 50

export function checkWatchNodes(options: WatchNodesOptions): void {
  checkOptions('options', options, ['signal', 'keepAlive'])
  checkSignal(options.signal)
  checkFlag('keepAlive', options.keepAlive)
}

/** Yields the members of a fleet, and then each change. */
export async function* nodeChanges(
  fleet: WatchedFleet,
  { signal, keepAlive = true }: WatchNodesOptions,
): AsyncGenerator<NodeChange, void, undefined> {
  let known = new Map<number, NodeRecord>()
  const isOver = () => fleet.closed || signal?.aborted === true
  while (!isOver()) {
    const seen = new Map(fleet.nodes().map((record) => [record.node, record]))
    const changes = changesOf(known, seen)
    known = seen
    for (const change of changes) {
      if (isOver()) return
      yield change
    }
    if (isOver()) return
    for (const member of seen.values()) if (member.alive) fleet.bell.deaths.add(member)
    await nap(fleet.bell, keepAlive, signal)
  }
}

/** What happened between two looks; ends come before the member that follows on the same node. */
function changesOf(known: ReadonlyMap<number, NodeRecord>, seen: ReadonlyMap<number, NodeRecord>): NodeChange[] {
  const ended: NodeChange[] = []
  const joined: NodeChange[] = []
  for (const [node, member] of known) {
    const now = seen.get(node)
    if (!member.alive || (now?.alive && now.incarnation === member.incarnation)) continue
    ended.push({
      change: now === undefined ? 'left' : 'died',
      member: now?.incarnation === member.incarnation ? now : member,
    })
  }
  for (const [node, member] of seen) {
    const before = known.get(node)
    if (member.alive && before?.incarnation !== member.incarnation) joined.push({ change: 'joined', member })
  }
  return [...ended, ...joined]
}

/** Waits until the next look, until a member dies, or until the signal is aborted. */
function nap(bell: Bell, keepAlive: boolean, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wait = {
      fail: () => {
        runtime.clearTimeout(timer)
        bell.deaths.onDeath.delete(wait.fail)
        if (signal !== undefined) bell.signals.remove(signal, wait)
        resolve()
      },
    }
    const timer = runtime.setTimeout(wait.fail, lookMs)
    if (!keepAlive) timer.unref()
    bell.deaths.onDeath.add(wait.fail)
    if (signal !== undefined) bell.signals.add(signal, wait)
  })
}
