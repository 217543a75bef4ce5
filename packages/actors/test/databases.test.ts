import { expect, it } from 'vitest'
import { Databases, type DatabaseUser } from '../src/host/databases.js'

/** What has a database open, and closes it when the test says so. */
class User implements DatabaseUser {
  isIdle = false
  isEnding = false
  constructor(readonly usedMs: number) {}
  end(): void {
    this.isIdle = false
    this.isEnding = true
  }
}

it('ends as many idle users as are above the limit, the least recently used first, and each once', () => {
  const databases = new Databases(2)
  const users = [5, 3, 1, 4, 2].map((usedMs) => new User(usedMs))
  const ending = () => users.filter(({ isEnding }) => isEnding).map(({ usedMs }) => usedMs)
  for (const user of users) databases.enter(user)
  databases.trim()
  expect(ending()).toEqual([]) // all are busy
  for (const user of users) user.isIdle = true
  databases.trim()
  expect(ending()).toEqual([3, 1, 2])
  databases.trim()
  expect(ending()).toEqual([3, 1, 2]) // until these have closed theirs
  for (const user of users.filter(({ isEnding }) => isEnding)) databases.leave(user)
  databases.trim()
  databases.enter(new User(6))
  expect(ending()).toEqual([3, 1, 4, 2])
})
