import { bridgePackage, loadBridge } from '../bridgepackage.js'
import { type Call, type Command, UsageError } from '../command.js'
import { checkJoinable } from '../member.js'

async function run(call: Call): Promise<number> {
  const fleet = call.operand(0)
  checkJoinable(fleet)
  const bridge = await loadBridge()
  if (bridge === undefined) {
    throw new UsageError(`hosts are connected by a package of its own: npm install ${bridgePackage}`)
  }
  const { lines, ...report } = await bridge.reportHosts(fleet)
  if (call.output.isJson) call.output.json(report)
  else for (const line of lines) call.output.line(line)
  return report.findings.some(({ level }) => level === 'problem') ? 1 : 0
}

export const hosts: Command = {
  name: 'hosts',
  summary: 'list the hosts that a bridge connects with a fleet',
  operands: ['FLEET'],
  about: [
    'Needs the package orbit-bridge, and a process that calls its bridge(). It joins the fleet as a member while it asks.',
    'The exit code is 1 if there is a problem.',
  ],
  options: {},
  writes: ['hosts'],
  examples: [{ line: 'orbit hosts web', about: 'which hosts are there, with their clocks and losses' }],
  run,
}
