import { Fleet } from '../../core/fleet.js'
import type { PresenceEntry } from '../../layers/entryview.js'
import { Presence } from '../../layers/presence.js'
import type { Call, Command } from '../command.js'
import { kindNamed } from '../kindoperand.js'
import { type Column, printTable } from '../table.js'

const columns: Column<PresenceEntry<unknown>>[] = [
  { title: 'ID', text: ({ id }) => id, isFlexible: true },
  { title: 'NODE', text: ({ node }) => String(node), align: 'right', rank: 1 },
  { title: 'INCARNATION', text: ({ incarnation }) => String(incarnation), align: 'right', rank: 2 },
  { title: 'VALUE', text: ({ value }) => JSON.stringify(value) ?? '', isFlexible: true },
]

const byId = (a: PresenceEntry<unknown>, b: PresenceEntry<unknown>): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : a.node - b.node

function run(call: Call): void {
  const { output } = call
  using fleet = Fleet.observe(call.operand(0))
  const name = call.text('name') ?? 'default'
  kindNamed(fleet, `type:orbit.presence:${name}`) // throws if there is none
  const entries = new Presence(fleet, { name }).list().sort(byId)
  if (output.isJson) output.json({ fleet: fleet.name, entries })
  else if (entries.length > 0) printTable(output, columns, entries)
  else output.none(`fleet ${fleet.name} has no entries in this presence`)
}

export const presence: Command = {
  name: 'presence',
  summary: 'list the entries of a presence and their processes',
  operands: ['FLEET'],
  about: [
    'Lists each entry of a living process: its id, its value, and the node and incarnation of the process, by id. The',
    'entries of a process that has ended are not listed.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: "the name of the presence; default: 'default'" },
  },
  examples: [{ line: 'orbit presence web', about: 'who is online, and in which worker?' }],
  run,
}
