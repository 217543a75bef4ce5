import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'

const help = `npm run bench -- [options]

Measures what orbit's operations cost (calls), what a wake costs (waking) and several processes writing at once
(writers); and compares orbit with what else one could use (drivers), trial by trial, all drivers in turn, in rounds.

  --quick          fewer and shorter rounds, fewer parameters: under two minutes, wider spread
  --only PATTERN   only what matches this regular expression, ignoring case: calls, scenarios of waking, "writers",
                   and the comparison by "trial, parameters, driver" ("latency, idle", "redis"); orbit is always in it
  --json FILE      also write the report as JSON; "-": to the standard output, with the tables on the standard error
  --list           what there is to match
  --native         the bench of native/protocol/ring.h alone instead (make -C native bench)
  --help           this text

Nothing is asserted of times: the exit code is 1 only when something could not be measured that should have been.
`

export interface Options {
  readonly isQuick: boolean
  readonly only: string | undefined
  readonly pattern: RegExp
  readonly json: string | undefined
  readonly list: boolean
  readonly native: boolean
  readonly help: boolean
}

export const printHelp = () => process.stdout.write(help)

export function refuseUsage(message: string): never {
  process.stderr.write(`${message}\n\n${help}`)
  process.exit(2)
}

/** Throws now rather than when all is measured. */
function checkWritable(file: string): void {
  if (existsSync(file) && statSync(file).isDirectory()) throw new Error(`--json ${file} is a folder`)
  accessSync(existsSync(file) ? file : dirname(file), constants.W_OK)
}

export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'string' },
        list: { type: 'boolean', default: false },
        native: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const { quick, only, json, list, native, help } = values
    if (json !== undefined && json !== '-') checkWritable(json)
    return { isQuick: quick, only, pattern: new RegExp(only ?? '', 'i'), json, list, native, help }
  } catch (error) {
    refuseUsage((error as Error).message)
  }
}
