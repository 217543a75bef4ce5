/**
 * The id of a child. No actor has it, since the name of a type is neither empty nor has a "/". No other child has it,
 * since the name in it has no "/" either.
 */
export function childIdOf(parent: string, name: string): string {
  return `/${parent}/${name.replaceAll('%', '%25').replaceAll('/', '%2F')}`
}

/** Foreign bytes may nest for ever. */
const tooDeep = '/'.repeat(65)

/** The parent of a child and the name of the child; undefined: the id is that of an actor. */
export function childOf(id: string): { parent: string; name: string } | undefined {
  const at = id.lastIndexOf('/')
  if (!id.startsWith('/') || at === 0 || id.startsWith(tooDeep)) return undefined
  return {
    parent: id.slice(1, at),
    name: id
      .slice(at + 1)
      .replaceAll('%2F', '/')
      .replaceAll('%25', '%'),
  }
}
