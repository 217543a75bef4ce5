import { Fleet } from '../../core/fleet.js'
import type { Holder } from '../../layers/claim.js'
import { Contest } from '../../layers/contest.js'
import type { Call, Command } from '../command.js'
import { layerObject } from '../kindoperand.js'
import { type Column, printTable } from '../table.js'
import { durationText } from '../text.js'

const leftText = (ms: number): string => (ms === Number.POSITIVE_INFINITY ? 'for life' : durationText(ms))

const heldForText = ({ claimedAtMs }: Holder): string => durationText(Math.max(0, Date.now() - claimedAtMs))

const columns: Column<Holder>[] = [
  { title: 'SUBJECT', text: ({ subject }) => subject.label, isFlexible: true },
  { title: 'KIND', text: ({ subject }) => String(subject.kind), align: 'right' },
  { title: 'OWNER', text: ({ owner }) => owner, isFlexible: true },
  { title: 'NODE', text: ({ node }) => String(node), align: 'right' },
  { title: 'PID', text: ({ pid }) => String(pid), align: 'right' },
  { title: 'TOKEN', text: ({ token }) => String(token), align: 'right' },
  { title: 'HELD FOR', text: heldForText, align: 'right' },
  { title: 'LEFT', text: ({ expiresInMs }) => leftText(expiresInMs), align: 'right' },
]

async function run(call: Call): Promise<void> {
  const { output } = call
  using fleet = Fleet.observe(call.operand(0))
  const name = call.text('name')
  layerObject(fleet, 'contest', name)
  const contest = new Contest(fleet, name === undefined ? {} : { name })
  const holders: Holder[] = []
  for await (const holder of contest.iterateHolders()) holders.push(holder)
  holders.sort((a, b) => a.token - b.token)
  if (output.isJson) output.json({ fleet: fleet.name, claims: holders })
  else if (holders.length > 0) printTable(output, columns, holders)
  else output.none(`fleet ${fleet.name} has no claims`)
}

export const claims: Command = {
  name: 'claims',
  summary: 'list the claims of the contest and their holders',
  operands: ['FLEET'],
  about: [
    'Lists each valid claim: its subject, owner, node, pid and fencing token, how long it has been held, and how long',
    'until it expires unless it is renewed; "for life" if only its release or the end of its process ends it (null in',
    'JSON). The oldest token comes first. Claims of dead members are not valid any more, and not listed.',
  ],
  options: {
    name: { type: 'string', value: 'NAME', about: 'the name of the contest; default: the one without a name' },
  },
  examples: [{ line: 'orbit claims web', about: 'which process was elected?' }],
  run,
}
