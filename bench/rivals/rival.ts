import { bytesOf, type Call } from '../calls/call.js'

/** What orbit's operations are measured beside. */
export interface Rival {
  readonly name: string
  readonly trials: readonly RivalTrial[]
  /** Why it cannot be measured here; undefined: it can. */
  lacks(): Promise<string | undefined>
  /** Starts what has to run beside its trials; `folder` is theirs too. */
  serve?(folder: string): Server
}

export interface Server {
  /** Resolves when trials can use it. */
  ready(): Promise<void>
  /** Resolves when it is gone. */
  end(): Promise<void>
}

/** One cell of the table of rivals; its name is `<operation>: <who>`. */
export interface RivalTrial extends Call {
  readonly operation: string
  /** A rival, and the way it is called. */
  readonly who: string
}

export const orbit = 'orbit'

/** What all of them do, in the order of the table. */
export const operation = {
  put: 'cache put 64 B',
  hit: 'cache hit 64 B',
  miss: 'cache miss',
  object: 'cached object, unchanged',
  newest: 'newest value, 2 fields',
  publish: 'publish 64 B',
  claim: 'claim and release',
} as const

export const keys: readonly string[] = Array.from({ length: 1000 }, (_, i) => `key-${i}`)
export const absentKeys: readonly string[] = keys.map((key) => `absent-${key}`)
export const value = bytesOf(64)
export const load = { busy: 3, idle: 5 }
export const session = { id: 4711, user: 'somebody', roles: ['reader', 'writer'], since: 1.7e12, isActive: true }
export type Session = typeof session

export function trialOf(operation: string, who: string, rest: Omit<Call, 'name' | 'unit'>): RivalTrial {
  return { name: `${operation}: ${who}`, operation, who, unit: 'call', ...rest }
}

/** Why a package cannot be used; undefined: it can. */
export async function packageLacks(name: string, load: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await load()
    return undefined
  } catch (error) {
    return `package ${name} cannot be loaded (npm install): ${(error as Error).message.split('\n')[0]}`
  }
}
