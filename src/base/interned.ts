/** Objects by their content: equal ones are one object, which is forgotten when nothing else uses it. */
export class Interned<T extends object> {
  readonly #objects = new Map<string, WeakRef<T>>()
  readonly #collected = new FinalizationRegistry<string>((content) => {
    if (this.#objects.get(content)?.deref() === undefined) this.#objects.delete(content)
  })

  /** The object with this content, made if there is none. */
  get(content: string, make: () => T): T {
    const known = this.#objects.get(content)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#objects.set(content, new WeakRef(made))
    this.#collected.register(made, content)
    return made
  }
}
