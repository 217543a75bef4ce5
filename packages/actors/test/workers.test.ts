import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type SuperviseOptions, superviseWorkers, type WorkerEvent } from '../src/index.js'
import { until } from './help/systems.js'

const file = new URL('fixtures/job.mjs', import.meta.url)

function supervise(options: Omit<SuperviseOptions, 'onEvent'>) {
  const events: WorkerEvent[] = []
  const supervisor = superviseWorkers({ ...options, onEvent: (event) => events.push(event) })
  onTestFinished(() => supervisor.close())
  const words = () =>
    events.map(({ what, name, exit }) => [what, name, exit].filter((word) => word !== undefined).join(' '))
  return { supervisor, events, words }
}

const kinds = [
  {
    kind: 'a child process',
    begin: () => fork(file),
    tell: (worker: unknown, text: string) => (worker as ChildProcess).send(text),
  },
  {
    kind: 'a worker of a cluster',
    begin: () => {
      cluster.setupPrimary({ exec: file.pathname })
      return cluster.fork()
    },
    tell: (worker: unknown, text: string) => (worker as ChildProcess).send(text),
  },
  {
    kind: 'a worker thread',
    begin: () => new Worker(file),
    tell: (worker: unknown, text: string) => (worker as Worker).postMessage(text),
  },
]

describe.each(kinds)('$kind that is supervised', ({ begin, tell }) => {
  it('is started again when it has failed, and not when it has ended as transient', async () => {
    const started: unknown[] = []
    const start = () => {
      const worker = begin()
      started.push(worker)
      return worker
    }
    const { supervisor, words } = supervise({ workers: [{ name: 'job', start, restart: 'transient' }] })
    await once(started[0] as ChildProcess, 'message')
    tell(supervisor.get('job'), 'exit 1')
    await until(() => started.length === 2)
    await once(started[1] as ChildProcess, 'message')
    expect(supervisor.get('job')).toBe(started[1])
    tell(supervisor.get('job'), 'exit 0')
    await until(() => words().length === 4)
    expect(words()).toEqual(['started job', 'exited job 1', 'started job', 'exited job 0'])
    expect(supervisor.get('job')).toBeUndefined()
  })
})

describe('workers that are supervised', () => {
  it('are stopped, the last one first, by SIGTERM', async () => {
    const { supervisor, words } = supervise({
      workers: ['a', 'b'].map((name) => ({ name, start: () => fork(file) })),
    })
    await Promise.all(['a', 'b'].map((name) => once(supervisor.get(name) as ChildProcess, 'message')))
    await supervisor.close()
    expect(words()).toEqual(['started a', 'started b', 'stopped b SIGTERM', 'stopped a SIGTERM'])
  })

  it('are started again with one-for-all when one is killed', async () => {
    const { supervisor, words } = supervise({
      workers: ['a', 'b'].map((name) => ({ name, start: () => fork(file) })),
      strategy: 'one-for-all',
    })
    await Promise.all(['a', 'b'].map((name) => once(supervisor.get(name) as ChildProcess, 'message')))
    ;(supervisor.get('a') as ChildProcess).kill('SIGKILL')
    await until(() => words().length === 6)
    expect(words().slice(2)).toEqual(['exited a SIGKILL', 'stopped b SIGTERM', 'started a', 'started b'])
  })

  it('are killed when they do not answer their health checks', async () => {
    let isBlocked = false
    const asked: unknown[] = []
    const check = (worker: unknown) => {
      asked.push(worker)
      return isBlocked ? new Promise<boolean>(() => {}) : true
    }
    const health = { check, everyMs: 1, timeoutMs: 1, failures: 2 }
    const { supervisor, words } = supervise({ workers: [{ name: 'job', start: () => fork(file), health }] })
    const job = supervisor.get('job') as ChildProcess
    await once(job, 'message')
    await until(() => asked.length > 2)
    expect(asked[0]).toBe(job)
    job.send('block')
    isBlocked = true
    await until(() => words().length >= 4)
    expect(words().slice(0, 4)).toEqual(['started job', 'unhealthy job', 'exited job SIGKILL', 'started job'])
  })

  it('rest when they cannot be started', async () => {
    let starts = 0
    const start = () => {
      starts++
      if (starts % 2 === 0) return fork(file, { cwd: '/missing' })
      throw new Error('no worker')
    }
    const { words } = supervise({ workers: [{ name: 'job', start }], restarts: 1, firstRestMs: 1, withinMs: 60_000 })
    await until(() => starts >= 4)
    expect(words().slice(0, 4)).toEqual([
      'exited job no worker',
      'started job',
      expect.stringMatching(/^exited job .*ENOENT/),
      'resting job',
    ])
  })

  it('have failed if what was started is no worker', async () => {
    const events: unknown[] = []
    const workers = [{ name: 'a', restart: 'temporary' as const, start: () => 5 as never }]
    const supervisor = superviseWorkers({ workers, onEvent: (event) => events.push(event) })
    await new Promise((resolve) => setImmediate(resolve))
    const exit = 'start()=5 must be a worker of node:cluster, a child process or a worker thread'
    expect(events).toEqual([{ what: 'exited', name: 'a', exit }])
    await supervisor.close()
  })

  it('are refused with wrong options', () => {
    const wrong = (options: object) => () => superviseWorkers({ workers: [], ...options } as never)
    const start = () => fork(file)
    expect(wrong({ workers: 1 })).toThrow('workers=1 must be an array')
    expect(wrong({ workers: [{ name: '', start }] })).toThrow('workers[0].name=""')
    expect(wrong({ workers: [{ name: 'a', start: 1 }] })).toThrow('workers[0].start=1 must be a function')
    const twice = [
      { name: 'a', start },
      { name: 'a', start },
    ]
    expect(wrong({ workers: twice })).toThrow('workers[1].name="a" must be another name')
    expect(wrong({ workers: [{ name: 'a', start, restart: 'no' }] })).toThrow('workers[0].restart="no"')
    expect(wrong({ workers: [{ name: 'a', start, health: { check: 1 } }] })).toThrow('workers[0].health.check=1')
    expect(wrong({ strategy: 'all' })).toThrow('strategy="all"')
    expect(wrong({ restarts: -1 })).toThrow('restarts=-1')
    expect(wrong({ stopMs: 0 })).toThrow('stopMs=0')
    expect(wrong({ onEvent: 1 })).toThrow('onEvent=1')
    expect(wrong({ workers: [], max: 1 })).toThrow('options.max is unknown')
  })
})
