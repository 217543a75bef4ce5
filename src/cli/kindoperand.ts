import { OrbitError } from '../base/errors.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { allKinds, isNamedLayer, layerKindOf, type NamedLayer } from '../inspect/kinds.js'
import { UsageError } from './command.js'

/**
 * Resolves the operand KIND: a number, `cache`, `events`, `contest`, one of these with a name (`cache:sessions`), the
 * name of a type, or `type:` and any name of a type (`type:42`, `type:cache:x`).
 */
export function kindNamed(fleet: FleetObserver, operand: string): number {
  if (operand.startsWith(typePrefix)) return kindOfType(fleet, operand.slice(typePrefix.length))
  if (/^\d+$/.test(operand)) return kindNumber(operand)
  const [layer = '', ...rest] = operand.split(':')
  const name = rest.length === 0 ? undefined : rest.join(':')
  const own = isNamedLayer(layer) ? layerKindOf(fleet, layer, name) : undefined
  return own ?? kindOfType(fleet, operand)
}

const typePrefix = 'type:'

function kindOfType(fleet: FleetObserver, name: string): number {
  for (const kind of allKinds(fleet)) if (nameOf(fleet, kind) === name) return kind
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring named ${JSON.stringify(name)}`)
}

/** Resolves the operand KIND of a command that accepts only a number. */
export function kindNumber(operand: string): number {
  const kind = /^\d+$/.test(operand) ? Number(operand) : Number.NaN
  if (!(kind <= abi.maxKind)) throw new UsageError(`KIND=${operand} must be an integer in 0..${abi.maxKind}`)
  return kind
}

/** The KIND of the object of a layer that a command shows, with the name in its option. Throws if there is none. */
export function layerObject(fleet: FleetObserver, layer: NamedLayer, name: string | undefined): number {
  const kind = layerKindOf(fleet, layer, name)
  if (kind === undefined || fleet.existing(kind) === undefined) {
    const named = name === undefined ? '' : ` named ${JSON.stringify(name)}`
    const hint = `; "orbit stat ${fleet.name}" lists what it has`
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ${layer}${named}${hint}`)
  }
  return kind
}

/** The name in the header of a ring or table; undefined: there is none, or it is damaged. */
export function nameOf(fleet: FleetObserver, kind: number): string | undefined {
  try {
    return fleet.existing(kind)?.name
  } catch {
    return undefined // damaged: it can be named by its number only
  }
}

export function noRing(fleet: FleetObserver, kind: number): OrbitError {
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring of KIND ${kind}`)
}
