import { parseArgs } from 'node:util'

export const usage = `usage: npm run demo -- [--seconds N] [--json]

Four cluster workers serve HTTP on loopback and publish what they do into shared memory; one is SIGKILLed, a newcomer
takes its node. Ends by itself; exit code 1 if a promise was broken.

  --seconds N   about how long in all, 3 to 18; default 9
  --json        print nothing but the totals, as one JSON document
  --help        print this`

export type Options = { seconds: number; json: boolean; help: boolean } | { refused: string }

/** Reads the command line; `refused` says what is wrong with it. */
export function parseOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: { seconds: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    })
    const { seconds = '9', json = false, help = false } = values
    if (!/^\d+$/.test(seconds) || Number(seconds) < 3 || Number(seconds) > 18) {
      return { refused: `--seconds ${seconds} is not a whole number in 3..18` }
    }
    return { seconds: Number(seconds), json, help }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}
