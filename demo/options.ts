import { parseArgs } from 'node:util'

export const usage = `usage: npm run demo -- [--seconds N] [--json]

Four cluster workers serve HTTP on loopback and publish events into shared
memory. One of them is killed, and a new worker takes over its node. The exit
code is 1 if a promise was broken.

  --seconds N   the approximate duration, 3 to 18; default: 9
  --json        print only the totals, as one JSON document
  --help        print this help`

export type Options = { seconds: number; json: boolean; help: boolean } | { refused: string }

/** Parses the command line. `refused` explains what is wrong with it. */
export function parseOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: { seconds: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    })
    const { seconds = '9', json = false, help = false } = values
    if (!/^\d+$/.test(seconds) || Number(seconds) < 3 || Number(seconds) > 18) {
      return { refused: `--seconds ${seconds} must be an integer in 3..18` }
    }
    return { seconds: Number(seconds), json, help }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}
