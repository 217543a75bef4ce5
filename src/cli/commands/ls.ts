import { byFleet, findObjects } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import { type FleetSummary, summaryOf } from '../fleetsummary.js'
import { type Column, numbers, printTable } from '../table.js'
import { bytesText, counted, durationText } from '../text.js'

const styles = { live: 'green', dead: 'yellow', damaged: 'red', orphaned: 'yellow' } as const

const columns: Column<FleetSummary>[] = [
  { title: 'FLEET', text: ({ fleet }) => fleet, isFlexible: true },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => styles[state] },
  {
    title: 'ALIVE',
    text: ({ nodesAlive, size }) => (size === null ? '-' : `${nodesAlive}/${size}`),
    align: 'right',
  },
  numbers('DEAD', ({ nodesDead }) => nodesDead ?? '-'),
  numbers('OBJECTS', ({ objects }) => objects),
  numbers('BYTES', ({ bytes }) => bytesText(bytes)),
  {
    title: 'NEWEST',
    text: ({ newestAgeMs }) => (newestAgeMs === null ? '-' : durationText(newestAgeMs)),
    align: 'right',
  },
  {
    title: 'PROBLEMS',
    text: ({ problems }) => (problems.length === 0 ? '' : counted(problems.length, 'object')),
    style: () => 'red',
  },
]

function run(call: Call): void {
  const { output } = call
  const objects = byFleet(findObjects())
  if (call.flag('names') && !output.isJson) {
    for (const fleet of objects.keys()) output.line(fleet)
    return
  }
  const fleets = [...objects].map(([fleet, found]) => summaryOf(fleet, found))
  if (output.isJson) output.json({ fleets })
  else if (fleets.length > 0) printTable(output, columns, fleets)
  else output.none('this user has no fleets')
}

export const ls: Command = {
  name: 'ls',
  summary: 'list all fleets of this user',
  operands: [],
  about: [
    'Lists every fleet that has an object in shared memory: whether a member is alive (the kernel holds a lock for',
    'each), how many nodes are alive or dead, how many objects it has and their size, the age of its newest frame,',
    'and how many objects have a problem, which orbit doctor explains.',
    '',
    'NEWEST is the age of the newest event, or of the newest frame with a version that is a Unix time in milliseconds',
    '(version: Date.now()); other frames have no time. A dead fleet keeps its objects until a process joins it or gc',
    'removes it. An orphaned one has rings and no fleet object.',
  ],
  options: { names: { type: 'boolean', about: 'print only the names, one on each line' } },
  examples: [{ line: 'orbit ls', about: 'which fleets are there?' }],
  run,
}
