import { type Call, type Command, UsageError } from '../command.js'
import { checkJoinable } from '../member.js'

/** What the package `orbit-bridge` exports for this command. */
interface Bridge {
  reportHosts(fleet: string): Promise<{ lines: string[]; findings: { level: string }[] }>
}

const packageName = 'orbit-bridge'

/** Loads the package, which is not a dependency of this one. */
async function loadBridge(): Promise<Bridge> {
  try {
    return await import(`${packageName}/command`)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError(`hosts are connected by a package of its own: npm install ${packageName}`)
  }
}

async function run(call: Call): Promise<number> {
  const fleet = call.operand(0)
  checkJoinable(fleet)
  const { lines, ...report } = await (await loadBridge()).reportHosts(fleet)
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
