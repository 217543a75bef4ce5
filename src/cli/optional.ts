/** Loads a package that this one does not depend on; undefined: it is not installed. */
export async function loadOptional<T>(name: string): Promise<T | undefined> {
  try {
    return await import(name)
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
