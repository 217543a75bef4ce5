import { Fleet } from '../../core/fleet.js'
import type { Holder } from '../../layers/claim.js'
import { Contest } from '../../layers/contest.js'
import { claimColumns } from '../claimcolumns.js'
import type { Call, Command } from '../command.js'
import { layerObject } from '../kindoperand.js'
import { printTable } from '../table.js'

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
  else if (holders.length > 0) printTable(output, claimColumns, holders)
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
