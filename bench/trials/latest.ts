import { load } from '../drivers/values.js'
import { aloneTrial, aloneWith, partOf } from './alone.js'

const operations = 100
const parameters = [aloneWith('', {})]

export const latestStore = aloneTrial(
  { name: 'latest store', measures: 'a new newest value, two fields', needs: 'latest' },
  parameters,
  async (context) => {
    const latest = await partOf(context.driver.latest, context)(context.place)
    return { operations, run: () => latest.storeAll(operations), close: () => latest.close() }
  },
)

export const latestLoad = aloneTrial(
  { name: 'latest load', measures: 'the newest value of any process, both fields read', needs: 'latest' },
  parameters,
  async (context) => {
    const latest = await partOf(context.driver.latest, context)(context.place)
    await latest.storeAll(1)
    const wanted = operations * (load.busy + load.idle)
    const check = (sum: number) => {
      if (sum !== wanted) throw new Error(`loaded ${sum} instead of ${wanted}`)
    }
    return {
      operations,
      run() {
        const sum = latest.loadAll(operations)
        return typeof sum === 'number' ? check(sum) : sum.then(check)
      },
      close: () => latest.close(),
    }
  },
)
