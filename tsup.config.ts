import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { transform } from 'esbuild'
import { minify } from 'terser'
import { defineConfig, type Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

/** Leaves out the addons that were not built: a bundler fails on a path without a file. */
const onlyBuiltAddons: Plugin = {
  name: 'only-built-addons',
  setup(build) {
    build.onLoad({ filter: /src\/prebuilds\.ts$/ }, ({ path }) => {
      const isBuilt = (line: string) => existsSync(/'\.\.\/(prebuilds\/.*)'/.exec(line)?.[1] ?? '.')
      const lines = readFileSync(path, 'utf8').split('\n')
      return { contents: lines.filter(isBuilt).join('\n'), loader: 'ts' }
    })
  },
}

/** Of package.json, the library needs only who it is. */
const shortManifest: Plugin = {
  name: 'short-manifest',
  setup(build) {
    build.onLoad({ filter: /package\.json$/ }, ({ path }) => {
      const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as { name: string; version: string }
      return { contents: JSON.stringify({ name, version }), loader: 'json' }
    })
  },
}

const index = { index: 'src/index.ts' }
const others = { struct: 'src/struct.ts', testing: 'src/testing.ts' }
const adapters = {
  keyv: 'src/adapters/keyv.ts',
  next: 'src/adapters/next.ts',
  cron: 'src/adapters/cron.ts',
  socketio: 'src/adapters/socketio.ts',
  'rate-limit': 'src/adapters/ratelimit.ts',
  pino: 'src/adapters/pino.ts',
  prom: 'src/adapters/prom.ts',
  otel: 'src/adapters/otel.ts',
}
const entry = { ...index, ...others, ...adapters }
/** Smaller, and a stack trace still names a short line. */
const short = { minifyWhitespace: true, minifySyntax: true, lineLimit: 160 } as const
const common: Options = {
  target: 'node20',
  esbuildPlugins: [onlyBuiltAddons, shortManifest],
  esbuildOptions: (options) => void Object.assign(options, short),
}

/** What `require` gets. The literal shows bundlers the file. */
const door = (name: string) => `'use strict'
module.exports = require('./commonjs.cjs')('${name}.js', () => require('./${name}.js'))
`

/**
 * Shortens code and local names. Those of functions and classes stay: stack traces show them. No program imports the command's
 * files, so there all names become short.
 */
async function shortenNames(): Promise<void> {
  const read = (name: string) => readFileSync(`dist/${name}`, 'utf8')
  const files = readdirSync('dist').filter((name) => name.endsWith('.js'))
  const entries = Object.keys(entry).map((name) => `${name}.js`)
  /** The chunks that the library loads, directly or through others. */
  const shared = new Set<string>()
  const follow = (name: string): void => {
    for (const chunk of files.filter((other) => !shared.has(other) && read(name).includes(`./${other}`))) {
      shared.add(chunk)
      follow(chunk)
    }
  }
  for (const name of entries.filter((each) => files.includes(each))) follow(name)
  const own = Object.keys(others).map((name) => `${name}.js`)
  const commands = files.filter((name) => !shared.has(name) && !entries.includes(name) && !own.includes(name))
  for (const name of commands) {
    const { code } = await transform(read(name), { format: 'esm', minify: true, lineLimit: 160 })
    writeFileSync(`dist/${name}`, code)
  }
  const library = [...Object.keys({ ...index, ...adapters }).map((name) => `${name}.js`), ...shared]
  // esbuild makes a class an expression without a name, which gets that of its variable. Errors print the name.
  const publicNames = read('index.js').match(/\b[A-Z]\w+(?=[,}])/g) ?? []
  await Promise.all([...new Set(library)].map((file) => shortenLocals(file, publicNames)))
}

async function shortenLocals(name: string, reserved: string[] = []): Promise<void> {
  const text = readFileSync(`dist/${name}`, 'utf8')
  const names = reserved.filter((each) => !text.includes(`class _${each}`)) // esbuild has named these
  const { code = '' } = await minify(text, {
    module: true,
    ecma: 2020,
    compress: { defaults: false, join_vars: true, unused: true, conditionals: true, if_return: true, sequences: true },
    mangle: { toplevel: false, keep_fnames: true, keep_classnames: true, reserved: names },
    format: { max_line_len: 160 },
  })
  // Terser breaks no line within a list of names.
  const lists = /(?<=\b(?:import|export))\{[^}]*\}/g
  writeFileSync(
    `dist/${name}`,
    code.replaceAll(lists, (list) => list.replaceAll(/(.{150,}?,)/g, '$1\n')),
  )
}

export default defineConfig([
  {
    ...common,
    // The library, the adapters and the command share one chunk: the package stays small, and an import reads two
    // files.
    entry: { ...index, ...adapters, cli: 'src/cli/main.ts' },
    format: 'esm',
    splitting: true,
    async onSuccess() {
      writeFileSync('dist/commonjs.cjs', (await transform(readFileSync('src/commonjs.cjs', 'utf8'), short)).code)
      await shortenNames()
      for (const name of Object.keys(entry)) {
        writeFileSync(`dist/${name}.cjs`, door(name))
        // One set of types for both module systems: a fleet from ESM is a fleet in CommonJS.
        writeFileSync(`dist/${name}.d.ts`, `export * from './${name}.cjs'\n`)
      }
    },
  },
  {
    ...common,
    entry: others,
    format: 'esm',
    splitting: false,
    onSuccess: async () => void (await Promise.all(Object.keys(others).map((name) => shortenLocals(`${name}.js`)))),
  },
  { entry, format: 'cjs', dts: { only: true } },
])
