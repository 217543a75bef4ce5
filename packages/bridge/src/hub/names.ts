import type { Fleet } from 'orbit-node'
import { isHostName } from '../options.js'

const prefix = 'bridge '

/** The label of a member that has a bridge. The fleet cuts it to 32 bytes. */
export const labelOf = (host: string): string => `${prefix}${host}`

/** The names that the living members of a fleet have given their host, each cut to 25 bytes. One is right. */
export function hostNames(fleet: Fleet): string[] {
  const names = fleet
    .nodes()
    .filter(({ alive, label }) => alive && label.startsWith(prefix))
    .map(({ label }) => label.slice(prefix.length))
    .filter(isHostName) // any program may have such a label, and these names are printed
  return [...new Set(names)].sort()
}

/** What is wrong with these names; undefined: nothing. */
export function namesWarning(fleet: Fleet): string | undefined {
  const names = hostNames(fleet)
  if (names.length < 2) return undefined
  return `members of fleet ${fleet.name} call it ${names.join(', ')}: others see the name that the member with the connection gives, so give all the same host`
}
