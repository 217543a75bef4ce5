/** A handle that several users in one thread can share. */
interface Shareable {
  readonly closed: boolean
  readonly orphaned: boolean
  close(): void
}

interface Share {
  readonly name: string
  readonly handle: Shareable
  users: number
}

/**
 * The shared handles of this thread by fleet name. A module that is evaluated again finds those that its earlier
 * evaluation has left. Copies of this package in other files have their own.
 */
const key = Symbol.for(
  `orbit-node.shares ${import.meta.filename ?? (typeof __filename === 'string' ? __filename : '')}`,
)
const slots = globalThis as { [key]?: Map<string, Share> }
slots[key] ??= new Map()
const shares = slots[key]

/** The shares of handles that this evaluation of the module has made. */
const ownShares = new WeakMap<Shareable, Share>()

const noPlace = ['ERR_ORBIT_NODE_TAKEN', 'ERR_ORBIT_FLEET_FULL']

/**
 * Joins in place of a handle of an earlier evaluation, which holds the wanted node, or the last free one. It is closed
 * first; if there is another free node, a handle on that keeps the fleet from ending between the two.
 */
function joinAfter<H extends Shareable>(earlier: Share, error: unknown, join: (anyNode?: boolean) => H): H {
  if (!noPlace.includes((error as { code: string }).code)) throw error
  let bridge: H | undefined
  try {
    bridge = join(true)
  } catch {
    // the fleet is full
  }
  try {
    earlier.users = 1
    earlier.handle.close()
    return join()
  } finally {
    bridge?.close()
  }
}

/**
 * The shared handle of this name. Joins if there is none, or if its objects were removed.
 *
 * @param join joins as the caller asked, or on any node
 */
export function shareOf<H extends Shareable>(name: string, join: (anyNode?: boolean) => H): H {
  const share = shares.get(name)
  const isOwn = share !== undefined && ownShares.has(share.handle)
  if (isOwn && !share.handle.closed && !share.handle.orphaned) {
    share.users++
    return share.handle as H
  }
  const earlier = share !== undefined && !isOwn && !share.handle.closed ? share : undefined
  let handle: H
  try {
    handle = join()
  } catch (error) {
    if (earlier === undefined) throw error
    handle = joinAfter(earlier, error, join)
  }
  const next = { name, handle, users: 1 }
  shares.set(name, next)
  ownShares.set(handle, next)
  // The classes of the earlier evaluation are not those of this one, so its handle would be refused here.
  if (earlier !== undefined) {
    earlier.users = 1
    earlier.handle.close()
  }
  return handle
}

/** Gives back one use of a handle. Returns whether it was the last one, as it is for a handle that is not shared. */
export function releaseShare(handle: Shareable): boolean {
  const share = ownShares.get(handle)
  if (share === undefined) return true
  share.users--
  if (share.users > 0) return false
  if (shares.get(share.name) === share) shares.delete(share.name)
  return true
}
