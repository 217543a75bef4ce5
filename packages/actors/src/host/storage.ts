import { checkInteger, checkName, checkOptions, wrongType } from '../../../shared/check.js'
import type { ActorStorage, ListOptions } from '../actor/storage.js'
import type { Ledger } from './ledger.js'
import { decodeValue, encodeValue } from './values.js'

const listKeys = ['prefix', 'start', 'end', 'limit', 'reverse']

function checkText(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'string') throw wrongType(name, value, 'a string')
}

/** `ctx.storage` of one activation. */
// biome-ignore lint/suspicious/noExplicitAny: the class of the actor names its state.
export class Storage implements ActorStorage<any> {
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  // biome-ignore lint/suspicious/noExplicitAny: the class of the actor names its state.
  get(name: string): any {
    const value = this.#ledger.entry(name)
    return value === undefined ? undefined : decodeValue(value)
  }

  put(name: string, value: unknown): void {
    checkName('name', name, 1024)
    if (value === undefined) throw wrongType('value', value, 'a value: use delete(name) to delete the entry')
    this.#ledger.draft().entries.set(name, encodeValue(value))
  }

  delete(name: string): boolean {
    checkName('name', name, 1024)
    const draft = this.#ledger.draft()
    if (this.#ledger.entry(name) === undefined) return false
    draft.entries.set(name, undefined)
    return true
  }

  deleteAll(): void {
    const draft = this.#ledger.draft()
    for (const name of this.#ledger.names()) draft.entries.set(name, undefined)
  }

  // biome-ignore lint/suspicious/noExplicitAny: the class of the actor names its state.
  list<Name extends string>(options: ListOptions = {}): Map<Name, any> {
    checkOptions('options', options, listKeys)
    const { prefix = '', start = '', end, limit = 0x7fffffff, reverse = false } = options
    for (const [name, value] of Object.entries({ prefix, start, end })) checkText(`options.${name}`, value)
    checkInteger('options.limit', limit, 1, 0x7fffffff)
    if (typeof reverse !== 'boolean') throw wrongType('options.reverse', reverse, 'a boolean')
    const isListed = (name: string) => name.startsWith(prefix) && name >= start && (end === undefined || name < end)
    const names = [...this.#ledger.names()].filter(isListed).sort()
    if (reverse) names.reverse()
    return new Map(names.slice(0, limit).map((name) => [name as Name, this.get(name)]))
  }
}
