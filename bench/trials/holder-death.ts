import { nowNs, pause } from '../clock.js'
import type { Claim, Claims } from '../drivers/driver.js'
import { partOf } from './alone.js'
import type { Plan, Trial } from './trial.js'
import { type Kill, killEachVisit, type Live, suits, withVictim } from './victims.js'

const plan = (rounds: number): Plan => ({ parameters: [withVictim(0)], rounds, visitMs: 1300 })

/** The kill comes at another moment of every tick and lease, none of which is longer: the golden ratio spreads them. */
const mostMs = 1000
const momentOf = (visit: number): number => ((visit * 0.618034) % 1) * mostMs

const patienceNs = 30e9

/** Claims again and again. */
async function tryUntilClaimed(claims: Claims, subject: string): Promise<Claim> {
  const endNs = nowNs() + patienceNs
  while (nowNs() < endNs) {
    const result = claims.tryClaim(subject)
    const claim = result instanceof Promise ? await result : result
    if (claim !== undefined) return claim
  }
  throw new Error(`${subject} is not free ${patienceNs / 1e9} s after its holder's death`)
}

function trialOf(name: string, measures: string, waits: boolean): Trial {
  return {
    ...{ name, measures, suits },
    unit: 'ns',
    better: 'lower',
    needs: 'claims',
    full: plan(12),
    quick: waits ? plan(1) : { ...plan(1), parameters: [] }, // one of the two is enough for a look
    host: killEachVisit,
    async peer(context) {
      const claims = await partOf(context.driver.claims, context)(context.place)
      const held: Claim[] = []
      async function recover(subject: string, { kill, visit }: Kill): Promise<number> {
        if ((await claims.tryClaim(subject)) !== undefined) throw new Error(`${subject} was free before`)
        let hasIt = false
        const waited = waits ? claims.claim(subject) : undefined
        waited?.then(() => {
          hasIt = true
        })
        await pause(momentOf(visit))
        if (hasIt) throw new Error(`${subject} was given away before its holder's death`)
        const beganNs = nowNs()
        process.kill(kill, 'SIGKILL')
        const claim = await (waited ?? tryUntilClaimed(claims, subject))
        const elapsedNs = nowNs() - beganNs
        await claim.release()
        return elapsedNs
      }
      return {
        async answer(order: Live | Kill) {
          if ('kill' in order) return recover(`subject-${order.visit}`, order)
          held.push(await claims.claim(`subject-${order.live}`))
          return undefined
        },
        close: () => claims.close(),
      }
    },
  }
}

export const holderDeathWaiting = trialOf(
  'death of a holder, waiting',
  'from SIGKILL of the process that holds a subject until another, which waits for it, has it',
  true,
)

export const holderDeathTrying = trialOf(
  'death of a holder, trying',
  'from SIGKILL of the process that holds a subject until another, which tries again and again, has it',
  false,
)
