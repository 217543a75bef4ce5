import { Fleet } from '../core/fleet.js'
import type { FleetObserver } from '../core/observer.js'
import type { Look, Page, Section } from './page.js'

/** A page of things in one fleet, which it keeps open. */
export abstract class OpenPage implements Page {
  readonly title: string
  readonly fleet: FleetObserver

  constructor(fleet: string, title: string) {
    this.title = title
    this.fleet = Fleet.observe(fleet)
  }

  abstract update(): void
  abstract sections(look: Look): Section[]

  [Symbol.dispose](): void {
    this.fleet.close()
  }
}
