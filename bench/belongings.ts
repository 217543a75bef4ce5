import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fleet } from '../src/index.js'
import type { Child } from './child.js'
import type { Server } from './drivers/driver.js'

/** All that has to be ended and removed, however the bench ends. */
export class Belongings {
  isEnding = false
  readonly #children = new Set<Child>()
  readonly #servers: Server[] = []
  readonly #fleets: string[] = []
  #folder: string | undefined
  #names = 0

  /** A name that no fleet has; a fleet of that name is removed. */
  newFleet(): string {
    if (this.isEnding) throw new Error('ending')
    const name = `bench-${process.pid}-${++this.#names}`
    this.#fleets.push(name)
    return name
  }

  /** One for all, until all are ended. */
  get folder(): string {
    if (this.isEnding) throw new Error('ending')
    this.#folder ??= mkdtempSync(join(tmpdir(), `orbit-bench-${process.pid}-`))
    return this.#folder
  }

  readonly started = (child: Child): void => {
    this.#children.add(child)
  }

  served(server: Server): void {
    this.#servers.push(server)
  }

  /** Ends the children, and removes what was theirs. */
  async endChildren(): Promise<void> {
    const children = [...this.#children]
    this.#children.clear()
    await Promise.all(children.map((child) => child.leave()))
    for (const name of this.#fleets.splice(0)) Fleet.remove(name, { force: true })
  }

  async endAll(): Promise<void> {
    await this.endChildren()
    // Their clients went first: a lost server is an error to them.
    await Promise.all(this.#servers.splice(0).map((server) => server.end()))
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }
}
