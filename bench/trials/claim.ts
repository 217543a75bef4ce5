import { aloneTrial, aloneWith, partOf } from './alone.js'
import { chunk, Keys } from './keys.js'

export const claim = aloneTrial(
  { name: 'claim', measures: 'a free subject is claimed and released, both', needs: 'claims' },
  [aloneWith('', {})],
  async (context) => {
    const claims = await partOf(context.driver.claims, context)(context.place)
    const subjects = new Keys(1000, 'subject-', 1)
    return { operations: chunk, run: () => claims.claimAll(subjects.next()), close: () => claims.close() }
  },
)
