// Where the time of an event over two hosts goes: the medians of its stages, in one direction.
import { pause, type Stage } from './stage.js'
import { nowUs, type Trace } from './trace.js'

const payload = Buffer.alloc(200, 'x')
const stages = ['published', 'polled', 'written', 'read', 'republished', 'heard']

/** The median microseconds between each stage and the one before it. */
async function oneRun(stage: Stage, calls: number, restMs: number): Promise<number[]> {
  const way = stage.orbit()
  let resolve = () => {}
  way.on('pong', () => resolve())
  await stage.traces() // begins anew
  const published: number[] = []
  for (let i = 0; i < calls; i++) {
    if (restMs > 0) await pause(restMs)
    const answered = new Promise<void>((done) => {
      resolve = done
    })
    published.push(nowUs())
    way.publish('ping', payload)
    await answered
  }
  const trace: Trace = Object.assign({ published }, ...(await stage.traces()))
  return stages.slice(1).map((name, i) => {
    const [from, to] = [trace[stages[i] as string] ?? [], trace[name] ?? []]
    if (from.length !== calls || to.length !== calls) throw new Error(`${name}: ${to.length} of ${calls} times`)
    const times = to.map((us, n) => us - (from[n] as number)).sort((a, b) => a - b)
    return times[times.length >> 1] as number
  })
}

/** Prints the stages of events back to back, and of one every 2 ms. */
export async function printStages(stage: Stage): Promise<void> {
  await oneRun(stage, 1500, 0) // code is compiled
  const [close, rested] = [await oneRun(stage, 1000, 0), await oneRun(stage, 300, 2)]
  console.log('stage (us)'.padEnd(30), 'back to back'.padStart(14), 'every 2 ms'.padStart(14))
  for (const [i, name] of stages.slice(1).entries()) {
    const title = `${stages[i]} -> ${name}`
    console.log(
      title.padEnd(30),
      (close[i] as number).toFixed(1).padStart(14),
      (rested[i] as number).toFixed(1).padStart(14),
    )
  }
}
