import { describe, expectTypeOf, it } from 'vitest'
import { Actor, type ActorSystem, type MonitorEnd, type Ref } from '../src/index.js'

// Looked at by tsc, which reads this folder too; at run time these functions are only made, never called.

interface Tree {
  readonly name: string
  readonly branches: readonly Tree[]
}

class Cart extends Actor {
  static readonly actor = { idleMs: 60_000, readonly: ['size'] } as const
  #items: string[] = []
  readonly colour = 'red'
  async add(item: string, count = 1): Promise<{ total: number }> {
    this.#items.push(item)
    return { total: this.#items.length * count }
  }
  size(): number {
    return this.#items.length
  }
  clear(): void {
    this.#items = []
  }
  // biome-ignore lint/suspicious/noExplicitAny: classes may have it.
  plant(tree: Tree, extra: unknown, loose: any[]): Map<string, Tree> {
    return new Map([[String(extra) + loose.length, tree]])
  }
  each(call: () => void): void {
    call()
  }
  listen(options: { onItem: (item: string) => void }): void {
    options.onItem('')
  }
  make(): () => void {
    return () => {}
  }
  async *changes(from: number): AsyncGenerator<{ item: string }> {
    yield { item: String(from) }
  }
  *sizes(): Generator<number> {
    yield 1
  }
  async *calls(): AsyncGenerator<() => void> {
    yield () => {}
  }
  override onActivate(): void {}
  protected secret(): void {}
}

const types = (run: (system: ActorSystem<{ Cart: typeof Cart }>, cart: Ref<Cart>) => void) => () => run

describe('the type of a reference', () => {
  it(
    'has the public methods of the class, each with a promise',
    types((system, cart) => {
      expectTypeOf(system.get('Cart', 'a')).toEqualTypeOf<Ref<Cart>>()
      expectTypeOf(cart.add).toEqualTypeOf<(item: string, count?: number) => Promise<{ total: number }>>()
      expectTypeOf(cart.size).toEqualTypeOf<() => Promise<number>>()
      expectTypeOf(cart.clear).toEqualTypeOf<() => Promise<void>>()
      expectTypeOf(cart.plant).returns.toEqualTypeOf<Promise<Map<string, Tree>>>()
      expectTypeOf(cart.with({ timeoutMs: 100 })).toEqualTypeOf<Ref<Cart>>()
      expectTypeOf(cart.key).toEqualTypeOf<string>()
      expectTypeOf(cart.tell.add).toEqualTypeOf<(item: string, count?: number) => void>()
      expectTypeOf(cart.tell.make).toEqualTypeOf<() => void>()
      type Changes = (from: number) => AsyncGenerator<{ item: string }, void, undefined>
      expectTypeOf(cart.stream.changes).toEqualTypeOf<Changes>()
      expectTypeOf(cart.stream.sizes).returns.toEqualTypeOf<AsyncGenerator<number, void, undefined>>()
      expectTypeOf(system.monitor(cart)).toEqualTypeOf<Promise<MonitorEnd | 'closed'>>()
    }),
  )

  it(
    'refuses what cannot be called',
    types((system, cart) => {
      // @ts-expect-error no such actor
      system.get('Kart', 'a')
      // @ts-expect-error no such method
      cart.remove('book')
      // @ts-expect-error a wrong argument
      cart.add(5)
      // @ts-expect-error a hook
      cart.tell.onActivate()
      // @ts-expect-error a wrong argument
      cart.tell.add(5)
      // @ts-expect-error a hook
      cart.onActivate()
      // @ts-expect-error a protected member
      cart.secret()
      // @ts-expect-error a member of Actor
      cart.ctx.key
      // @ts-expect-error a field
      cart.colour
      // @ts-expect-error a private member
      cart['#items']
      // @ts-expect-error a generator
      cart.changes(1)
      // @ts-expect-error a generator
      cart.tell.changes(1)
      // @ts-expect-error no generator
      cart.stream.add('book')
      // @ts-expect-error a wrong argument
      cart.stream.changes('book')
      // @ts-expect-error an unknown option
      cart.with({ timeout: 5 })
    }),
  )

  it(
    'refuses functions as arguments and results',
    types((_, cart) => {
      // @ts-expect-error a function cannot be sent
      cart.each(() => {})
      // @ts-expect-error a function in an object cannot be sent
      cart.listen({ onItem: () => {} })
      // @ts-expect-error a function cannot be sent
      cart.tell.each(() => {})
      // @ts-expect-error a function cannot be returned
      cart.make()
      // @ts-expect-error a function cannot be an item
      cart.stream.calls()
    }),
  )
})
