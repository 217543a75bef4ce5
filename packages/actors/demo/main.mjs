// npm run demo:actors [-- SECONDS]: a chat in four workers. Its rooms live in one worker each, and keep their lines in
// files of SQLite. One worker is killed; in the end every acknowledged line is there.
import cluster from 'node:cluster'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Actor, actors } from 'orbit-actors'
import { sqlite } from 'orbit-actors/sqlite'
import { Fleet } from 'orbit-node'

const [workers, rooms] = [4, ['lobby', 'kitchen', 'garden']]
const seconds = Number(process.argv[2] ?? 6)
const fleetName = `demo-actors-${cluster.isPrimary ? process.pid : process.ppid}`
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

class Room extends Actor {
  onActivate() {
    process.send(`${this.ctx.key} opens in worker ${cluster.worker.id} (token ${this.ctx.token})`)
  }
  onDeactivate(reason) {
    process.send(`${this.ctx.key} closes in worker ${cluster.worker.id}: ${reason}`)
  }
  async say(line) {
    await pause(5)
    this.ctx.storage.put(line, Date.now())
    return { worker: cluster.worker.id }
  }
  lines() {
    return [...this.ctx.storage.list().keys()]
  }
}

async function work() {
  const fleet = Fleet.joinShm(fleetName)
  const system = actors({ fleet, actors: { Room }, store: sqlite(process.env.DEMO_FOLDER) })
  let isOver = false
  process.once('message', () => {
    isOver = true
  })
  const counts = { answered: 0, notRun: 0, unknown: 0 }
  for (let i = 0; !isOver; i++) {
    for (const room of rooms) {
      try {
        const line = `${cluster.worker.id}.${i}`
        await system.get('Room', room).with({ timeoutMs: 1000 }).say(line)
        counts.answered++
        process.send({ room, line }) // it was acknowledged
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
  const folder = mkdtempSync(join(tmpdir(), 'demo-actors-'))
  const acknowledged = new Map(rooms.map((room) => [room, []]))
  const crew = Array.from({ length: workers }, () => cluster.fork({ DEMO_FOLDER: folder }))
  for (const worker of crew) {
    worker.on('message', (said) =>
      typeof said === 'string' ? print(said) : acknowledged.get(said.room).push(said.line),
    )
  }
  const fleet = Fleet.joinShm(fleetName)
  const system = actors({ fleet, host: false })
  await system.get('Room', 'lobby').say('first') // waits until a worker is there
  await pause((seconds * 1000) / 2)
  const { worker: id } = await system.get('Room', 'lobby').say('second')
  print(`worker ${id}, which has the lobby, is killed`)
  const killed = performance.now()
  cluster.workers[id].process.kill('SIGKILL')
  const { worker } = await system.get('Room', 'lobby').say('third')
  print(`the lobby answers from worker ${worker}, ${(performance.now() - killed).toFixed(0)} ms later`)
  await pause((seconds * 1000) / 2)
  let [all, lost] = [0, 0]
  for (const [room, lines] of acknowledged) {
    const known = [...lines]
    const kept = new Set(await system.get('Room', room).lines())
    all += known.length
    lost += known.filter((line) => !kept.has(line)).length
  }
  print(`${all} lines were acknowledged, ${lost} of them are lost`)
  await system.close()
  const ended = crew.map((each) => new Promise((resolve) => each.once('exit', resolve)))
  for (const each of Object.values(cluster.workers)) each.send('end')
  await Promise.all(ended.filter((_, i) => crew[i].id !== id))
  fleet.close()
  rmSync(folder, { recursive: true, force: true })
  if (lost > 0) process.exitCode = 1
}

await (cluster.isPrimary ? play() : work())
