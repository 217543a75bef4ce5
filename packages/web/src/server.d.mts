/** A page that is served. */
export interface WebServer {
  /** The address of the page, with the token that it needs. */
  readonly url: string
  /** Ends all streams, and stops to serve. */
  close(): Promise<void>
}

/** Options of `serve`: what the page shows, and where. */
export interface ServeOptions {
  /** The one fleet to show; default: all fleets of this user. */
  fleet?: string | undefined
  /** The port on 127.0.0.1, 0..65535; 0 (default): any free one. */
  port?: number
  /** Whether the page may change fleets, by the commands of orbit that write; default false. */
  allowWrite?: boolean
}

/**
 * Serves the page on 127.0.0.1. Without `allowWrite` it only reads: the bytes of the fleets do not change.
 *
 * @throws TypeError for a name that no fleet can have; the error of the system if the port is in use
 */
export function serve(options?: ServeOptions): Promise<WebServer>
