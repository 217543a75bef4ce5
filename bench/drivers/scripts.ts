// Stores of other runtimes, in shared memory, each measured by a loop of its own script.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Driver, Script } from './driver.js'
import { outputOf, socketOf, startServer } from './server.js'

const php = `
$keys = []; $absent = [];
for ($i = 0; $i < 1000; $i++) { $keys[] = "key-$i"; $absent[] = "absent-$i"; }
$value = str_repeat('x', 64);
foreach ($keys as $key) apcu_store($key, $value);
apcu_store('count', 0);
while (($line = fgets(STDIN)) !== false) {
  [$call, $ms] = explode(' ', trim($line));
  $calls = 0; $found = 0; $begin = hrtime(true); $end = $begin + $ms * 1e6;
  do {
    switch ($call) {
      case 'store': foreach ($keys as $key) $found += apcu_store($key, $value); break;
      case 'hit': foreach ($keys as $key) $found += apcu_fetch($key) !== false; break;
      case 'miss': foreach ($absent as $key) $found += apcu_fetch($key) === false; break;
      case 'count': for ($i = 0; $i < 1000; $i++) $found += apcu_inc('count') > 0; break;
    }
    $calls += 1000; $now = hrtime(true);
  } while ($now < $end);
  echo $found === $calls ? ($now - $begin) / $calls : 'failed', "\\n";
}
`

async function apcuScript(): Promise<Script> {
  const child = spawn('php', ['-d', 'apc.enable_cli=1', '-r', php], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  return {
    async sample(call, runMs) {
      const answer = once(lines, 'line')
      child.stdin.write(`${call} ${runMs}\n`)
      return Number((await answer)[0])
    },
    close: () => void child.stdin.end(),
  }
}

const phpText = (): string | undefined =>
  outputOf(
    'php',
    '-d',
    'apc.enable_cli=1',
    '-r',
    'echo PHP_VERSION, " APCu ", phpversion("apcu"), apcu_enabled() ? "" : "-";',
  )

export const apcu: Driver = {
  name: 'PHP, APCu',
  settings: 'apcu_store, apcu_fetch and apcu_inc in a loop of PHP, without opcache',
  peers: 'processes',
  version: () => phpText() ?? '',
  lacks: async () =>
    phpText() === undefined ? 'PHP with APCu is not installed (apt-get install php-cli php-apcu)' : undefined,
  script: apcuScript,
}

const lua = `
local dict, call, ms = ngx.shared.store, ngx.var.arg_call, tonumber(ngx.var.arg_ms)
local keys, absent, value = {}, {}, string.rep('x', 64)
for i = 1, 1000 do keys[i] = 'key-' .. i; absent[i] = 'absent-' .. i; dict:set(keys[i], value) end
dict:set('count', 0)
local calls, found, begin, now = 0, 0, os.clock()
repeat
  if call == 'store' then for i = 1, 1000 do if dict:set(keys[i], value) then found = found + 1 end end
  elseif call == 'hit' then for i = 1, 1000 do if dict:get(keys[i]) then found = found + 1 end end
  elseif call == 'miss' then for i = 1, 1000 do if not dict:get(absent[i]) then found = found + 1 end end
  else for i = 1, 1000 do if dict:incr('count', 1) then found = found + 1 end end end
  calls = calls + 1000; now = os.clock()
until now - begin >= ms / 1000
ngx.say(found == calls and (now - begin) / calls * 1e9 or 'failed')
`

const modules = '/usr/lib/nginx/modules'
const config = (folder: string, socket: string): string => {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${folder};`)
  return `
load_module ${modules}/ndk_http_module.so;
load_module ${modules}/ngx_http_lua_module.so;
daemon off; master_process off; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 16; }
http {
  access_log off; lua_shared_dict store 32m; ${temporary.join(' ')}
  server { listen unix:${socket}; location / { content_by_lua_block { ${lua} } } }
}
`
}

const ask = (socketPath: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false }, async (response) => {
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      resolve(text)
    })
    asked.once('error', reject).end()
  })

/** Undefined where nginx lacks Lua, too. */
function nginxText(): string | undefined {
  const text = outputOf('nginx', '-v')
  return outputOf('test', '-e', `${modules}/ngx_http_lua_module.so`) === undefined
    ? undefined
    : text?.trim().split('/')[1]
}

export const nginx: Driver = {
  name: 'nginx, lua_shared_dict',
  settings: 'set, get and incr in a loop of LuaJIT, one process',
  peers: 'processes',
  version: () => nginxText() ?? '',
  lacks: async () =>
    nginxText() === undefined
      ? 'nginx with Lua is not installed (apt-get install nginx libnginx-mod-http-lua)'
      : undefined,
  serve(folder) {
    const socket = socketOf(folder, 'nginx')
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, config(folder, socket))
    return startServer('nginx', ['-p', folder, '-c', file], socket)
  },
  script: async ({ folder }) => ({
    sample: async (call, runMs) => Number(await ask(socketOf(folder, 'nginx'), `/?call=${call}&ms=${runMs}`)),
    close() {},
  }),
}
