// Installs the packed package with each package manager, builds it from source, compiles against its types with each
// TypeScript, and runs the standalone output of Next.js: npm run test:installs [-- PATTERN]. PATTERN, a regular
// expression, chooses rows by their name. Installs run with their scripts, twice and cleanly, where no compiler is on
// PATH. The managers and compilers come from the npm registry into node_modules/.cache. Prints a table; exit code 1 if
// a cell failed.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const cache = join(root, 'node_modules/.cache/orbit-installs')
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'orbit-installs-')))
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))

const wanted = new RegExp(process.argv[2] ?? '')
const quietNpm = ['--no-audit', '--no-fund', '--prefer-offline']
const npmSteps = [
  ['install', ...quietNpm],
  ['ci', ...quietNpm],
]
const managers = {
  'npm 10': { package: 'npm@10', cli: 'bin/npm-cli.js', add: ['install', ...quietNpm], steps: npmSteps },
  'npm 11': { package: 'npm@11', cli: 'bin/npm-cli.js', add: ['install', ...quietNpm], steps: npmSteps },
  'npm 12': { package: 'npm@12', cli: 'bin/npm-cli.js', add: ['install', ...quietNpm], steps: npmSteps, node: '24' },
  'pnpm 10': {
    package: 'pnpm@10',
    cli: 'bin/pnpm.cjs',
    add: ['add'],
    steps: [['install'], ['install', '--frozen-lockfile']],
  },
  'yarn 1': {
    package: 'yarn@1',
    cli: 'bin/yarn.js',
    add: ['add', '--non-interactive'],
    steps: [
      ['install', '--non-interactive'],
      ['install', '--frozen-lockfile', '--non-interactive'],
    ],
  },
}
const compilers = ['5.2', '5.4', '5.6', '5.9', 'latest']
const consumer = JSON.parse(readFileSync(join(root, 'test/fixtures/consumer.json'), 'utf8'))

const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|ORBIT_)/i.test(key)))

function attempt(cwd, command, args, more = {}) {
  const options = { cwd, env: { ...env, ...more }, encoding: 'utf8' }
  const { status, stdout = '', stderr = '', error } = spawnSync(command, args, options)
  return { status, said: `${error ?? ''}${stdout}${stderr}`, stdout }
}

function run(cwd, command, args) {
  const { status, said, stdout } = attempt(cwd, command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${said}`)
  return stdout
}

/** Installs one package of the registry into the cache; the folder of the package. */
function fetched(spec, as = spec.replace(/@[^@]*$/, '')) {
  const prefix = join(cache, spec.replace(/[/@]/g, '_'))
  const folder = join(prefix, 'node_modules', as)
  if (existsSync(join(folder, 'package.json'))) return folder
  mkdirSync(prefix, { recursive: true })
  run(prefix, 'npm', ['install', '--prefix', prefix, '--ignore-scripts', ...quietNpm, spec])
  return folder
}

/** A folder for PATH with this node and a shell, and nothing that compiles. */
function binWith(node) {
  const bin = mkdtempSync(join(temporary, 'bin-'))
  symlinkSync(node, join(bin, 'node'))
  symlinkSync('/bin/sh', join(bin, 'sh'))
  return bin
}

function nodeOf(major) {
  if (major === undefined) return process.execPath
  const node = join(fetched(`node-${process.platform}-${process.arch}@${major}`), 'bin/node')
  chmodSync(node, 0o755)
  return node
}

const programs = ['install.mjs', 'install.cjs']

function use(folder, node) {
  return programs.map((file) => {
    const { status, said } = attempt(folder, node, [file, `installs.${process.pid}`])
    return cell(status === 0, said)
  })
}

let failed = false
function cell(isGood, said) {
  if (isGood) return 'ok'
  failed = true
  console.error(said)
  return 'FAILED'
}

/** Lines of a manager that warn about this package or a script of it. */
const warnings = (said) => said.split('\n').filter((line) => /warn|script|gyp/i.test(line) && line.includes(name))

function installWith({ package: spec, cli, add, steps, node: major }, tarball) {
  const node = nodeOf(major)
  const folder = mkdtempSync(join(temporary, 'app-'))
  const home = mkdtempSync(join(temporary, 'home-'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true }))
  for (const file of programs) cpSync(join(root, 'test/fixtures', file), join(folder, file))
  const path = join(fetched(spec), cli)
  const bare = { PATH: binWith(node), HOME: home, COREPACK_ENABLE_STRICT: '0' }
  const results = [[...add, tarball], ...steps].map((step) => attempt(folder, node, [path, ...step], bare))
  const warned = results.flatMap(({ said }) => warnings(said))
  const cells = results.map(({ status, said }) => cell(status === 0, said))
  return [...cells, cell(warned.length === 0, warned.join('\n')), ...use(folder, node)]
}

/** Runs the command that the error for a missing addon names. */
function buildFromSource(tarball) {
  const folder = mkdtempSync(join(temporary, 'source-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  for (const file of programs) cpSync(join(root, 'test/fixtures', file), join(folder, file))
  run(folder, 'npm', ['install', ...quietNpm, tarball])
  rmSync(join(folder, 'node_modules', name, 'prebuilds'), { recursive: true })
  const { said } = attempt(folder, process.execPath, ['install.mjs', 'unused'])
  const command = /run in your project: (.*)/.exec(said)?.[1] ?? 'exit 1'
  const built = attempt(folder, 'sh', ['-c', command], { npm_config_yes: 'true' })
  return [cell(built.status === 0, `${command}\n${built.said}`), ...use(folder, process.execPath)]
}

function compileWith(compiler, app) {
  const folder = fetched(`typescript@${compiler}`)
  const tsc = join(folder, 'bin/tsc')
  const major = Number.parseInt(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version, 10)
  return Object.entries(consumer.modes).map(([mode, args]) => {
    if (mode === 'node10' && major > 5) return '-' // such compilers have no node10
    const { status, said } = attempt(app, process.execPath, [tsc, ...consumer.options, ...args])
    return cell(status === 0, `TypeScript ${compiler}, ${mode}:\n${said}`)
  })
}

function consumerApp(tarball) {
  const app = mkdtempSync(join(temporary, 'types-'))
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  const types = JSON.parse(readFileSync(join(root, 'node_modules/@types/node/package.json'), 'utf8')).version
  run(app, 'npm', ['install', ...quietNpm, tarball, `@types/node@${types}`])
  for (const file of ['esm.mts', 'commonjs.cts', 'plain.ts']) {
    cpSync(join(root, 'test/fixtures/consumer.txt'), join(app, file))
  }
  cpSync(join(root, 'test/fixtures/consumer-mixed.txt'), join(app, 'mixed.mts'))
  return app
}

/** The files of docs/recipes/frameworks.md, as JavaScript. */
async function recipeFiles() {
  const { transform } = await import('esbuild')
  const recipe = readFileSync(join(root, 'docs/recipes/frameworks.md'), 'utf8')
  const blocks = [...recipe.matchAll(/^```[jt]s\n\/\/ (\S+)\n(.*?)^```$/gms)]
  const entries = blocks.map(async ([, file, code]) => [file, (await transform(code, { loader: 'ts' })).code])
  return Object.fromEntries(await Promise.all(entries))
}

/** Runs a server and asks it once: what it answers. */
async function answerOf(folder, file, path) {
  const server = spawn(process.execPath, [file], { cwd: folder, env: { ...env, PORT: '0', HOSTNAME: '127.0.0.1' } })
  let said = ''
  const ended = once(server, 'exit')
  try {
    const origin = await new Promise((resolve, reject) => {
      for (const stream of [server.stdout, server.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => {
          said += text
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)
          if (found !== null && said.includes('Ready')) resolve(found[0])
        })
      }
      ended.then(() => reject(new Error('it ended')))
    })
    return await (await fetch(origin + path)).text()
  } catch (error) {
    return `${error}\n${said}`
  } finally {
    server.kill('SIGTERM')
    await ended
  }
}

/** The app of the recipe: its standalone output, alone in another folder, has the addon and joins a fleet. */
async function standaloneNext(tarball) {
  const [app, output] = [mkdtempSync(join(temporary, 'next-')), mkdtempSync(join(temporary, 'standalone-'))]
  const route = join(app, 'app/products/[id]')
  mkdirSync(route, { recursive: true })
  const files = await recipeFiles()
  const fleetName = `installs.next.${process.pid}`
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true }))
  writeFileSync(join(app, 'next.config.mjs'), files['next.config.mjs'])
  writeFileSync(join(app, 'app/layout.js'), 'export default ({ children }) => children')
  writeFileSync(join(route, 'route.js'), files['route.ts'])
  writeFileSync(join(route, 'fleet.js'), files['fleet.ts'].replace(/(["'])web\1/, JSON.stringify(fleetName)))
  const installed = attempt(app, 'npm', ['install', ...quietNpm, 'next@16', 'react', 'react-dom', tarball])
  const cells = [cell(installed.status === 0, installed.said)]
  const next = join(app, 'node_modules/next/dist/bin/next')
  const built = attempt(app, process.execPath, [next, 'build'], { NEXT_TELEMETRY_DISABLED: '1' })
  cells.push(cell(built.status === 0, built.said))
  if (built.status !== 0) return [...cells, '-', '-']
  cpSync(join(app, '.next/standalone'), output, { recursive: true })
  const addons = readdirSync(join(output, 'node_modules', name), { recursive: true }).filter((file) =>
    file.endsWith('.node'),
  )
  cells.push(cell(addons.length > 0, `no addon in ${output}`))
  const answer = await answerOf(output, 'server.js', '/products/7')
  return [...cells, cell(answer === '{"name":"product 7","price":17,"node":0}', answer)]
}

function print(header, rows) {
  if (rows.length === 0) return
  const table = [header, ...rows]
  const widths = header.map((_, i) => Math.max(...table.map((row) => row[i].length)))
  for (const row of table) console.log(row.map((text, i) => text.padEnd(widths[i])).join('  '))
  console.log()
}

run(root, 'npm', ['pack', '--pack-destination', temporary])
const tarball = join(temporary, `${name}-${version}.tgz`)
const chosen = (title) => wanted.test(title)
print(
  ['manager', 'add', 'again', 'clean', 'no warning', 'ESM', 'CommonJS'],
  Object.entries(managers)
    .filter(([title]) => chosen(title))
    .map(([title, manager]) => [title, ...installWith(manager, tarball)]),
)
if (chosen('source')) print(['from source', 'build', 'ESM', 'CommonJS'], [['g++', ...buildFromSource(tarball)]])
if (chosen('next'))
  print(['Next.js 16', 'install', 'build', 'addon', 'answer'], [['standalone', ...(await standaloneNext(tarball))]])
const titles = compilers.map((compiler) => `TypeScript ${compiler}`).filter(chosen)
const app = titles.length > 0 ? consumerApp(tarball) : undefined
print(
  ['compiler', ...Object.keys(consumer.modes)],
  titles.map((title) => [title, ...compileWith(title.split(' ')[1], app)]),
)
process.exitCode = failed ? 1 : 0
