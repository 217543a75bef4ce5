// The client's own options reach the server: TLS, NKEYs and credentials. The server refuses hosts without them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credsAuthenticator, nkeyAuthenticator, nkeys } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canRun } from '../../../test/help/system.js'
import type { BridgeOptions, bridgeErrorCodes } from '../src/index.js'
import { connected, startHost, take, until } from './help/hosts.js'
import { hasNats, NatsServer } from './help/nats.js'

type Nats = NonNullable<BridgeOptions['nats']>
const { createAccount, createOperator, createUser } = nkeys
type KeyPair = ReturnType<typeof createUser>
const seedOf = (pair: KeyPair): Uint8Array => pair.getSeed()

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'orbit-bridge-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A server with a configuration file, which two hosts reach with `nats`, and a third one does not with `wrong`. */
async function check(config: string, nats: Nats, wrong: Nats, scheme = 'nats'): Promise<void> {
  const file = join(folder(), 'server.conf')
  writeFileSync(file, config)
  const { port } = await NatsServer.start(['-c', file])
  const options = { servers: `${scheme}://localhost:${port}`, events: [{ topics: ['a'], delivery: 'stored' as const }] }
  const quick = { reconnectDelayHandler: () => 30 }
  const [a, b] = ['a', 'b'].map((host) => startHost(host, { ...options, nats: { ...quick, ...nats } }))
  if (a === undefined || b === undefined) throw new Error('two hosts')
  await connected(a, b)
  a.bus.publish('a', 'secret')
  expect(await take(b.bus, 'a', 1)).toEqual(['a a secret'])
  await a.bridge.contest().run('lock', {}, () => {})
  const refused = new Promise<Error>((resolve) => {
    const onWarning = (warning: Error & { code?: string }) => {
      if (warning.code === 'ORBIT_BRIDGE_UNREACHABLE' && warning.message.includes('host c')) resolve(warning)
    }
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
  })
  const c = startHost('c', { ...options, nats: { ...quick, ...wrong } })
  expect((await refused).message).toMatch(/no NATS server can be reached: .+\. It tries again\./)
  await until(() => c.bridge.stats().pid === process.pid)
  expect(await c.bridge.doctor()).toMatchObject([{ check: 'bridge-unreachable' }])
  await expect(c.bridge.contest().claim('lock', { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'ERR_ORBIT_BRIDGE_TIMEOUT' satisfies keyof typeof bridgeErrorCodes,
  })
}

/** A key and a certificate, signed by `authority`, or by itself. */
function certificate(place: string, name: string, authority?: string): { key: string; cert: string } {
  const [key, cert] = [join(place, `${name}.key`), join(place, `${name}.pem`)]
  const signer =
    authority === undefined ? [] : ['-CA', join(place, `${authority}.pem`), '-CAkey', join(place, `${authority}.key`)]
  const use = authority === undefined ? 'basicConstraints=critical,CA:true' : 'subjectAltName=DNS:localhost'
  const made = ['-keyout', key, '-out', cert, '-subj', `/CN=${name}`, '-addext', use, '-days', '2']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  execFileSync('openssl', ['req', '-x509', ...kind, ...made, ...signer], { stdio: 'ignore' })
  return { key, cert }
}

/** A claim of an operator or an account, as a JSON Web Token. */
function token(issuer: KeyPair, subject: KeyPair, name: string, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey' })
  const [iss, sub] = [issuer, subject].map((pair) => pair.getPublicKey())
  const body = part({ jti: name, iat: Math.floor(Date.now() / 1000), iss, sub, name, nats: { version: 2, ...nats } })
  const signature = Buffer.from(issuer.sign(Buffer.from(`${head}.${body}`))).toString('base64url')
  return `${head}.${body}.${signature}`
}

const credentials = (jwt: string, user: KeyPair): Uint8Array =>
  Buffer.from(
    `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${Buffer.from(seedOf(user))}\n------END USER NKEY SEED------\n`,
  )

describe.skipIf(!hasNats)('a bridge', () => {
  it.runIf(canRun('openssl', 'version'))('connects through TLS, with certificates on both sides', async () => {
    const place = folder()
    const authority = certificate(place, 'authority')
    const server = certificate(place, 'server', 'authority')
    const client = certificate(place, 'client', 'authority')
    const config = `tls { cert_file: "${server.cert}", key_file: "${server.key}", ca_file: "${authority.cert}", verify: true }`
    const tls = { caFile: authority.cert, certFile: client.cert, keyFile: client.key }
    await check(config, { tls }, { tls: { caFile: authority.cert }, timeout: 500 }, 'tls')
  })

  it('proves its identity with an NKEY', async () => {
    const [known, unknown] = [createUser(), createUser()]
    const config = `authorization { users: [{ nkey: ${known.getPublicKey()} }] }`
    const by = (pair: KeyPair): Nats => ({ authenticator: nkeyAuthenticator(seedOf(pair)) })
    await check(config, by(known), by(unknown))
  })

  it('connects with the credentials of a user that an account has signed', async () => {
    const [operator, system, account, user, stranger] = [
      createOperator(),
      createAccount(),
      createAccount(),
      createUser(),
      createUser(),
    ]
    const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
    const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
    const ofOperator = token(operator, operator, 'O', { type: 'operator', system_account: system.getPublicKey() })
    const ofSystem = token(operator, system, 'SYS', { type: 'account', limits })
    const ofAccount = token(operator, account, 'A', { type: 'account', limits: { ...limits, ...storage } })
    const config = `operator: ${ofOperator}
      resolver: MEMORY
      resolver_preload: { ${system.getPublicKey()}: ${ofSystem}, ${account.getPublicKey()}: ${ofAccount} }`
    const by = (issuer: KeyPair, pair: KeyPair): Nats => {
      const jwt = token(issuer, pair, 'U', { type: 'user', subs: -1, data: -1, payload: -1 })
      return { authenticator: credsAuthenticator(credentials(jwt, pair)) }
    }
    await check(config, by(account, user), by(createAccount(), stranger))
  })
})
