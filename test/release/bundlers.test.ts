// The package in a bundle or in a traced copy of an app, each run in a folder without node_modules of its own.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { build as esbuild } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { addonIn, attempt, install, pack, project, temporaryFolder, use, used } from '../help/package.js'
import { root } from '../help/system.js'

/** The bundlers and the tracer of test/packages. */
const load = createRequire(join(root, 'test/packages/package.json'))
const temporary = temporaryFolder('bundlers')
const programs = ['install.mjs', 'install.cjs'] as const
let app: string
let installed: string
let addon: string

const elsewhere = (): string => mkdtempSync(join(temporary, 'elsewhere-'))

beforeAll(() => {
  app = project(join(temporary, 'app'))
  for (const file of programs) cpSync(join(root, 'test/fixtures', file), join(app, file))
  installed = install(app, pack(temporary))
  addon = addonIn(installed)
}, 240_000)

describe('a file tracer', () => {
  it.each(programs)('finds the addon for %s, and the traced files run alone', async (program) => {
    const { nodeFileTrace } = load('@vercel/nft')
    const { fileList } = await nodeFileTrace([join(app, program)], { base: app })
    const folder = elsewhere()
    for (const file of fileList) cpSync(join(app, file), join(folder, file), { recursive: true })
    expect(use(join(folder, program))).toEqual(used(join(folder, relative(app, addon))))
  })
})

describe('webpack', () => {
  it.each(programs)('emits the addon beside the bundle of %s, which runs alone', async (program) => {
    const webpack = load('webpack')
    const folder = elsewhere()
    const config = { mode: 'production', target: 'node', context: app, entry: `./${program}`, devtool: false } as const
    const output = { path: folder, filename: 'main.cjs' }
    const compiler = webpack({ ...config, output })
    const stats = await promisify(compiler.run.bind(compiler))()
    expect(stats.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] })
    const { addons, ...value } = use(join(folder, 'main.cjs')) as { addons: string[] }
    expect(value).toEqual({ pid: 7, share: 0.5 })
    expect(addons.map(dirname)).toEqual([folder])
  })
})

/** Each bundles install.mjs into a file below `into`, the package included, and returns the path of the file. */
const bundlers: Record<string, (into: string) => Promise<string>> = {
  'esbuild to ESM': (into) => bundleByEsbuild(into, 'esm'),
  'esbuild to CommonJS': (into) => bundleByEsbuild(into, 'cjs'),
  rollup: async (into) => {
    const { rollup } = load('rollup')
    const resolveId = (id: string) => (id === manifest.name ? join(installed, 'dist/index.js') : null)
    const bundle = await rollup({ input: join(app, 'install.mjs'), plugins: [{ name: 'resolve', resolveId }] })
    await bundle.write({ file: join(into, 'main.mjs'), inlineDynamicImports: true })
    return join(into, 'main.mjs')
  },
  'vite for SSR': async (into) => {
    const { build } = (await import(
      load.resolve('vite').replace('index.cjs', 'node/index.js')
    )) as typeof import('vite')
    const output = { entryFileNames: 'main.mjs' }
    const rollupOptions = { input: join(app, 'install.mjs'), output }
    const options = { ssr: true, outDir: into, rollupOptions }
    await build({ root: app, configFile: false, logLevel: 'error', ssr: { noExternal: true }, build: options })
    return join(into, 'main.mjs')
  },
}

async function bundleByEsbuild(into: string, format: 'esm' | 'cjs', external: string[] = []): Promise<string> {
  const outfile = join(into, format === 'esm' ? 'main.mjs' : 'main.cjs')
  const entryPoints = [join(app, 'install.mjs')]
  await esbuild({ entryPoints, outfile, format, external, bundle: true, platform: 'node', logLevel: 'silent' })
  return outfile
}

describe.each(Object.entries(bundlers))('a bundle by %s', (_name, bundle) => {
  it('runs alone with prebuilds/ copied beside it, and says so without them', async () => {
    const folder = elsewhere()
    const file = await bundle(folder)
    const { status, stderr } = attempt(folder, process.execPath, [file, 'unused'])
    expect(status).toBe(1)
    expect(stderr).toContain('ERR_ORBIT_NATIVE')
    expect(stderr).toContain(`copy node_modules/orbit-node/prebuilds into ${folder}`)
    cpSync(join(installed, 'prebuilds'), join(folder, 'prebuilds'), { recursive: true })
    expect(use(file)).toEqual(used(join(folder, relative(installed, addon))))
  })

  it('finds the addon in a node_modules above it, and by ORBIT_NATIVE_PATH', async () => {
    const inside = mkdtempSync(join(app, 'bundle-'))
    expect(use(await bundle(inside))).toEqual(used(addon))
    const file = await bundle(elsewhere())
    expect(use(file, { ORBIT_NATIVE_PATH: addon })).toEqual(used(addon))
    expect(use(file, { ORBIT_NATIVE_PATH: relative(dirname(file), addon) })).toEqual(used(addon))
  })
})

describe('a bundle by esbuild', () => {
  it.each(['esm', 'cjs'] as const)('as %s uses the package when it is external', async (format) => {
    const file = await bundleByEsbuild(mkdtempSync(join(app, 'bundle-')), format, [manifest.name])
    expect(use(file)).toEqual(used(addon))
  })

  it('holds one implementation for its ESM and CommonJS parts', async () => {
    const folder = mkdtempSync(join(app, 'both-'))
    writeFileSync(join(folder, 'part.cjs'), `module.exports = require('orbit-node')`)
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { OrbitError } from 'orbit-node'
       import part from './part.cjs'
       console.log(part.OrbitError === OrbitError)`,
    )
    const outfile = join(folder, 'bundle.cjs')
    await esbuild({ entryPoints: [join(folder, 'main.mjs')], outfile, bundle: true, platform: 'node' })
    expect(attempt(folder, process.execPath, [outfile])).toMatchObject({ status: 0, stdout: 'true\n' })
  })

  it('does not use the addon of another version', async () => {
    const folder = join(temporary, 'skewed')
    const other = join(folder, 'node_modules', manifest.name)
    mkdirSync(folder)
    const file = await bundleByEsbuild(folder, 'esm')
    cpSync(installed, other, { recursive: true })
    writeFileSync(join(other, 'package.json'), JSON.stringify({ ...manifest, version: '9.9.9' }))
    const { status, stderr } = attempt(folder, process.execPath, [file, 'unused'])
    expect(status).toBe(1)
    expect(stderr).toContain(`${other}: has version=9.9.9, but this code is version=${manifest.version}`)
  })
})
