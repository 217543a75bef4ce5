import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { objectsOf } from '../../../test/help/fleets.js'
import { root } from '../../../test/help/system.js'

it('shows rooms that outlive the worker they are in, and leaves nothing behind', async () => {
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
  expect(output.match(/leaves: \d+ answered/g)?.length).toBe(3)
  expect(objectsOf(`demo-actors-${child.pid}`)).toEqual([])
})
