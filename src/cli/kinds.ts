import { OrbitError } from '../base/errors.js'
import { abi } from '../core/native.js'
import type { FleetObserver } from '../core/observer.js'
import { cacheKind, contestKind, eventKind, kindsOf } from '../inspect/report.js'
import { UsageError } from './command.js'
import { findObjects } from './objects.js'

/** Every KIND that has a ring: by the fleet's word and by the names there are, for either may be damaged. */
export function allKinds(fleet: FleetObserver): number[] {
  const named = findObjects().filter((object) => object.fleet === fleet.name && object.form === 'ring')
  const numbers = named.map(({ number }) => number).filter((kind) => kind <= abi.maxKind)
  const known = kindsOf(fleet).filter((kind) => numbers.includes(kind) || numbers.length === 0)
  return [...new Set([...numbers, ...known])].sort((a, b) => a - b)
}

const ownKinds: Record<string, number> = { cache: cacheKind, events: eventKind, contest: contestKind }

/** The KIND that an operand names: its number, one of orbit's own by name, or the name of a type. */
export function kindNamed(fleet: FleetObserver, operand: string): number {
  if (/^\d+$/.test(operand)) {
    const kind = Number(operand)
    if (kind > abi.maxKind) throw new UsageError(`KIND=${operand} is not an integer in 0..${abi.maxKind}`)
    return kind
  }
  if (Object.hasOwn(ownKinds, operand)) return ownKinds[operand] as number
  for (const kind of allKinds(fleet)) if (nameOf(fleet, kind) === operand) return kind
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring named ${JSON.stringify(operand)}`)
}

function nameOf(fleet: FleetObserver, kind: number): string | undefined {
  try {
    return fleet.existing(kind)?.stats().name
  } catch {
    return undefined // a damaged one has no name to go by
  }
}

export function noRing(fleet: FleetObserver, kind: number): OrbitError {
  return new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no ring of KIND ${kind}`)
}
