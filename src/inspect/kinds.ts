import { abi, native, translated } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { findObjects } from './objects.js'

export const { cacheKind, eventKind, contestKind, limitsKind } = abi

const layerKinds = {
  cache: cacheKind,
  events: eventKind,
  contest: contestKind,
  counters: abi.countersKind,
  store: abi.storeKind,
}

/** A layer of which a fleet can have several objects, apart by their names. */
export type NamedLayer = keyof typeof layerKinds

export const isNamedLayer = (text: string): text is NamedLayer => Object.hasOwn(layerKinds, text)

/** Whether a ring or table is one of a layer, by the name in its header. */
export const isOfLayer = (layer: NamedLayer, name: string | undefined): boolean =>
  name === `orbit.${layer}` || ownNameOf(layer, name) !== undefined

/** The caller's name in that of a ring or table of a layer; undefined: it has none. */
export function ownNameOf(layer: NamedLayer, name: string | undefined): string | undefined {
  const prefix = `orbit.${layer}:`
  return name?.startsWith(prefix) ? name.slice(prefix.length) : undefined
}

/** The KIND of a layer's object without a name, or of the one with a name; undefined: the fleet has no such name. */
export function layerKindOf(fleet: FleetObserver, layer: NamedLayer, name?: string): number | undefined {
  if (name === undefined) return layerKinds[layer]
  fleet.checkOpen()
  const kind = translated(() => native.namedKind(fleet.handle, `orbit.${layer}:${name}`))
  return kind < 0 ? undefined : kind
}

/** The KINDs that have a ring, as the fleet object records them. */
export function kindsOf(fleet: FleetObserver): number[] {
  fleet.checkOpen()
  return translated(() => native.inspectFleet(fleet.handle)).kinds
}

/**
 * The KINDs that have a ring, in order, as the fleet object records them and as the names in shared memory show them:
 * either may be damaged.
 */
export function allKinds(fleet: FleetObserver): number[] {
  const named = findObjects().filter((object) => object.fleet === fleet.name && object.form === 'ring')
  const numbers = named.map(({ number }) => number).filter((kind) => kind <= abi.maxKind)
  const recorded = kindsOf(fleet).filter((kind) => numbers.includes(kind) || numbers.length === 0)
  return [...new Set([...numbers, ...recorded])].sort((a, b) => a - b)
}
