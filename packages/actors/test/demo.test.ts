import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { objectsOf } from '../../../test/help/fleets.js'
import { root } from '../../../test/help/system.js'
import { drivers } from './help/stores.js'

it.skipIf(drivers.length === 0)(
  'loses no acknowledged line when a worker is killed, and leaves nothing behind',
  async () => {
    const child = spawn(process.execPath, ['packages/actors/demo/main.mjs', '2'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    expect(code, errors).toBe(0)
    const [, killed] = /worker (\d), which has the lobby, is killed/.exec(output) ?? []
    const [, next] = /the lobby answers from worker (\d)/.exec(output) ?? []
    expect(next).toBeDefined()
    expect(next).not.toBe(killed)
    expect(output).toMatch(/[1-9]\d* lines were acknowledged, 0 of them are lost/)
    expect(output.match(/leaves: \d+ answered/g)?.length).toBe(3)
    expect(objectsOf(`demo-actors-${child.pid}`)).toEqual([])
  },
)
