import { OrbitError } from '../base/errors.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { allKinds, cacheKind, contestKind, eventKind } from '../inspect/kinds.js'
import { UsageError } from './command.js'

const ownKinds: Record<string, number> = { cache: cacheKind, events: eventKind, contest: contestKind }

/** Resolves the operand KIND: a number, `cache`, `events`, `contest`, or the name of a type. */
export function kindNamed(fleet: FleetObserver, operand: string): number {
  if (/^\d+$/.test(operand)) return kindNumber(operand)
  if (Object.hasOwn(ownKinds, operand)) return ownKinds[operand] as number
  for (const kind of allKinds(fleet)) if (nameOf(fleet, kind) === operand) return kind
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring named ${JSON.stringify(operand)}`)
}

/** Resolves the operand KIND of a command that accepts only a number. */
export function kindNumber(operand: string): number {
  const kind = /^\d+$/.test(operand) ? Number(operand) : Number.NaN
  if (!(kind <= abi.maxKind)) throw new UsageError(`KIND=${operand} must be an integer in 0..${abi.maxKind}`)
  return kind
}

function nameOf(fleet: FleetObserver, kind: number): string | undefined {
  try {
    return fleet.existing(kind)?.name
  } catch {
    return undefined // damaged: it can be named by its number only
  }
}

export function noRing(fleet: FleetObserver, kind: number): OrbitError {
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring of KIND ${kind}`)
}
