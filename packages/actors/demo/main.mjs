// npm run demo:actors [-- SECONDS]: a chat in four workers. Its rooms live in one worker each; one worker is killed.
import cluster from 'node:cluster'
import { Actor, actors } from 'orbit-actors'
import { Fleet } from 'orbit-node'

const [workers, rooms] = [4, ['lobby', 'kitchen', 'garden']]
const seconds = Number(process.argv[2] ?? 6)
const fleetName = `demo-actors-${cluster.isPrimary ? process.pid : process.ppid}`
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

class Room extends Actor {
  #lines = 0
  onActivate() {
    process.send(`${this.ctx.key} opens in worker ${cluster.worker.id} (token ${this.ctx.token})`)
  }
  onDeactivate(reason) {
    process.send(`${this.ctx.key} closes in worker ${cluster.worker.id}: ${reason}`)
  }
  async say() {
    await pause(5)
    return { worker: cluster.worker.id, lines: ++this.#lines }
  }
}

async function work() {
  const fleet = Fleet.joinShm(fleetName)
  const system = actors({ fleet, actors: { Room } })
  let isOver = false
  process.once('message', () => {
    isOver = true
  })
  const counts = { answered: 0, notRun: 0, unknown: 0 }
  while (!isOver) {
    for (const room of rooms) {
      try {
        await system.get('Room', room).with({ timeoutMs: 1000 }).say()
        counts.answered++
      } catch (error) {
        counts[error.outcome === 'not-run' ? 'notRun' : 'unknown']++
        process.send(`worker ${cluster.worker.id}: ${error.message}`)
      }
    }
    await pause(20)
  }
  await system.close()
  fleet.close()
  const { answered, notRun, unknown } = counts
  process.send(`worker ${cluster.worker.id} leaves: ${answered} answered, ${notRun} not run, ${unknown} unknown`)
  cluster.worker.disconnect()
}

async function play() {
  const begun = performance.now()
  const print = (text) => console.log(`${((performance.now() - begun) / 1000).toFixed(2).padStart(5)} s  ${text}`)
  const crew = Array.from({ length: workers }, () => cluster.fork())
  for (const worker of crew) worker.on('message', print)
  const fleet = Fleet.joinShm(fleetName)
  const system = actors({ fleet, host: false })
  await system.get('Room', 'lobby').say() // waits until a worker is there
  await pause((seconds * 1000) / 2)
  const { worker: id } = await system.get('Room', 'lobby').say()
  print(`worker ${id}, which has the lobby, is killed`)
  const killed = performance.now()
  cluster.workers[id].process.kill('SIGKILL')
  const { worker } = await system.get('Room', 'lobby').say()
  print(`the lobby answers from worker ${worker}, ${(performance.now() - killed).toFixed(0)} ms later`)
  await pause((seconds * 1000) / 2)
  await system.close()
  const ended = crew.map((each) => new Promise((resolve) => each.once('exit', resolve)))
  for (const each of Object.values(cluster.workers)) each.send('end')
  await Promise.all(ended.filter((_, i) => crew[i].id !== id))
  fleet.close()
}

await (cluster.isPrimary ? play() : work())
