import { loadOptional } from './optional.js'

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

/** Undefined: it is not installed. */
export const loadBridge = (): Promise<BridgePackage | undefined> => loadOptional(`${bridgePackage}/command`)
