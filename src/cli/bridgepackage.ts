/** What a bridge reports as wrong: `Finding` without the fleet. */
interface BridgeFinding {
  readonly level: 'note' | 'warning' | 'problem'
  readonly check: string
  readonly found: string
  readonly meaning: string
  readonly fix: string
}

/** What the package `orbit-bridge` exports for commands. */
interface BridgePackage {
  reportHosts(fleet: string): Promise<{ lines: string[]; findings: BridgeFinding[] }>
  bridgeFindings(fleet: string): Promise<BridgeFinding[]>
}

export const bridgePackage = 'orbit-bridge'

/** Loads the package, which is not a dependency of this one; undefined: it is not installed. */
export async function loadBridge(): Promise<BridgePackage | undefined> {
  try {
    return await import(`${bridgePackage}/command`)
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}
