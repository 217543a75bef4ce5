import { OrbitError } from '../../base/errors.js'
import { byFleet, canList, findObjects } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import type { Finding } from '../finding.js'
import { fleetFindings } from '../fleetfindings.js'
import { hostFindings } from '../hostfindings.js'
import { printable } from '../text.js'

const marks = {
  ok: ['green', 'ok'],
  note: ['blue', 'note'],
  warning: ['yellow', 'warning'],
  problem: ['red', 'PROBLEM'],
} as const

function findings(fleet: string | undefined): Finding[] {
  if (!canList()) return hostFindings() // they report that the folder cannot be listed
  const fleets = [...byFleet(findObjects())].filter(([name]) => fleet === undefined || name === fleet)
  if (fleet !== undefined && fleets.length === 0) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${fleet}`)
  }
  return [...hostFindings(), ...fleets.flatMap(([name, objects]) => fleetFindings(name, objects))]
}

function run(call: Call): number {
  const { output } = call
  const found = findings(call.optional(0))
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
    'Each finding says what it means and, where possible, how to fix it. If there is a problem the exit code is 1;',
    'warnings and notes do not count.',
  ],
  options: {},
  examples: [{ line: 'orbit doctor web', about: 'what is wrong with fleet web?' }],
  run,
}
