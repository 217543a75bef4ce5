import type { Command } from '../command.js'
import { actors, stuck } from './actors.js'
import { cache } from './cache.js'
import { callCommand } from './call.js'
import { claims } from './claims.js'
import { add, set } from './counterchange.js'
import { counters } from './counters.js'
import { demo } from './demo.js'
import { doctor } from './doctor.js'
import { dump } from './dump.js'
import { gc } from './gc.js'
import { hosts } from './hosts.js'
import { limits } from './limits.js'
import { logs } from './logs.js'
import { ls } from './ls.js'
import { nodes } from './nodes.js'
import { presence } from './presence.js'
import { pub } from './pub.js'
import { release } from './release.js'
import { rm } from './rm.js'
import { serveMetrics } from './serve-metrics.js'
import { stat } from './stat.js'
import { store } from './store.js'
import { sub } from './sub.js'
import { tail } from './tail.js'
import { top } from './top.js'
import { web } from './web.js'

/** In the order of the help. */
export const commands: readonly Command[] = [
  ls,
  stat,
  nodes,
  dump,
  tail,
  logs,
  cache,
  store,
  claims,
  counters,
  presence,
  limits,
  actors,
  stuck,
  hosts,
  callCommand,
  pub,
  sub,
  set,
  add,
  release,
  top,
  web,
  demo,
  doctor,
  gc,
  rm,
  serveMetrics,
]
