import type { FoundObject } from '../inspect/objects.js'
import { inspectObject } from '../inspect/report.js'

/** An object that cannot be used, and the reason. */
export interface Problem {
  readonly object: string
  readonly code: string
  readonly message: string
}

export function problemOf(object: string, error: unknown): Problem {
  const { code, message } = error as Error & { code?: string }
  return { object, code: code ?? 'ERR_ORBIT_SYSTEM', message }
}

/** The reason why an object cannot be used; undefined: it can. */
export function objectProblem({ fleet, file, form, number }: FoundObject): Problem | undefined {
  if (form === 'bell' || form === 'blob') return undefined
  try {
    const found = inspectObject(fleet, form === 'fleet' ? 'fleet' : number)
    if (found === undefined) return unusable(file, 'creation has not finished: its creator is still working, or died')
    if (found.isRetired) return unusable(file, 'removed, but its name still exists')
    if (form === 'fleet' || found.fleetId === (fleetIdOf(fleet) ?? found.fleetId)) return undefined
    return {
      object: file,
      code: 'ERR_ORBIT_TYPE_MISMATCH',
      message: `/${file}: belongs to an earlier fleet of this name`,
    }
  } catch (error) {
    return problemOf(file, error)
  }
}

const unusable = (file: string, what: string): Problem => ({
  object: file,
  code: 'ERR_ORBIT_RETIRED',
  message: `/${file}: ${what}`,
})

function fleetIdOf(fleet: string): string | undefined {
  try {
    return inspectObject(fleet, 'fleet')?.fleetId
  } catch {
    return undefined // the fleet object is damaged, which is a problem of its own
  }
}
