import { OrbitError } from '../../base/errors.js'
import { byFleet, canList, findObjects } from '../../inspect/objects.js'
import { loadBridge } from '../bridgepackage.js'
import type { Call, Command } from '../command.js'
import { type Finding, finding } from '../finding.js'
import { fleetFindings } from '../fleetfindings.js'
import { hostFindings } from '../hostfindings.js'
import { checkJoinable } from '../member.js'
import { printable } from '../text.js'

const marks = {
  ok: ['green', 'ok'],
  note: ['blue', 'note'],
  warning: ['yellow', 'warning'],
  problem: ['red', 'PROBLEM'],
} as const

async function findings(fleet: string | undefined): Promise<Finding[]> {
  if (!canList()) return hostFindings() // they report that the folder cannot be listed
  const fleets = [...byFleet(findObjects())].filter(([name]) => fleet === undefined || name === fleet)
  if (fleet !== undefined && fleets.length === 0) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${fleet}`)
  }
  const found = [...hostFindings(), ...fleets.flatMap(([name, objects]) => fleetFindings(name, objects))]
  for (const [name] of fleets) found.push(...(await bridgeFindings(name)))
  return found
}

/** What the package orbit-bridge finds, if it is installed and the fleet has a bridge. */
async function bridgeFindings(fleet: string): Promise<Finding[]> {
  try {
    checkJoinable(fleet)
  } catch {
    return [] // damaged, which has been reported, or without a living member
  }
  const bridge = await loadBridge()
  try {
    return ((await bridge?.bridgeFindings(fleet)) ?? []).map((each) => ({ ...each, fleet }))
  } catch (error) {
    const found = `the bridge to other hosts cannot be examined: ${(error as Error).message}`
    return [finding('note', 'bridge-unknown', found, { fleet })]
  }
}

async function run(call: Call): Promise<number> {
  const { output } = call
  const found = await findings(call.optional(0))
  if (output.isJson) output.json({ findings: found })
  else {
    for (const { level, found: text, meaning, fix } of found) {
      const [style, word] = marks[level]
      output.line(`${output.paint(style, word.padEnd(7))}  ${printable(text)}`)
      if (meaning !== '') output.line(`         ${printable(meaning)}`)
      if (fix !== null) output.line(`         ${output.paint('bold', 'fix:')} ${printable(fix)}`)
    }
  }
  return found.some(({ level }) => level === 'problem') ? 1 : 0
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'find problems of this host and its fleets, with their fixes',
  operands: ['[FLEET]'],
  about: [
    "Examines the host: the size, free space and access of /dev/shm, the memory limit of the container, systemd's",
    'RemoveIPC, and namespaces.',
    '',
    'Examines each fleet of this user, or one: damaged objects, objects of another user or of another layout version,',
    'dead and stopped members, members without a recent heartbeat, lost spare chunks, stale FIFOs, and tables, inboxes',
    'and stores that are full or too small.',
    '',
    'If orbit-bridge is installed, also the connection of each fleet with other hosts: whether the server is reached,',
    'how many events wait, and whether clocks differ. It joins such a fleet as a member while it asks.',
    '',
    'Each finding says what it means and, where possible, how to fix it. If there is a problem the exit code is 1;',
    'warnings and notes do not count.',
  ],
  options: {},
  examples: [{ line: 'orbit doctor web', about: 'what is wrong with fleet web?' }],
  run,
}
