// Which requests are answered: those of the page itself, opened with the address that the program printed.
import { timingSafeEqual } from 'node:crypto'

function isEqual(a, b) {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** The value of a cookie; '': there is none. */
const cookieOf = ({ cookie = '' }, name) =>
  cookie
    .split(/; */)
    .find((each) => each.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? ''

/**
 * Why a request is refused; undefined: it is not. A page of another site can make this browser send requests here, and
 * can give this address a name of its own (DNS rebinding). It has neither the token nor the right Host.
 *
 * @returns {{ code: number, text: string } | undefined}
 */
export function refusalOf({ method, headers }, url, { port, token, allowWrite }) {
  if (url === null) return { code: 400, text: 'the address is not one of this page' }
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  if (!hosts.includes(headers.host ?? '')) return { code: 403, text: 'the Host must be 127.0.0.1 or localhost' }
  const { origin } = headers
  if (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) {
    return { code: 403, text: 'the Origin must be this page' }
  }
  const given = [url.searchParams.get('token') ?? '', cookieOf(headers, cookieName(port))]
  if (!given.some((each) => isEqual(each, token))) {
    return { code: 401, text: 'the token is missing: open the address that orbit-web printed' }
  }
  if (method === 'GET' || method === 'HEAD') return undefined
  if (!allowWrite || method !== 'POST') return { code: 405, text: 'this page only reads: orbit-web --allow-write' }
  return origin === undefined ? { code: 403, text: 'a request that writes must have an Origin' } : undefined
}

/** Cookies do not belong to a port, so the name says the port. */
const cookieName = (port) => `orbit-web-${port}`

/** The header that lets the requests of the page carry the token, and no request of another site. */
export const cookieHeader = ({ port, token }) => `${cookieName(port)}=${token}; HttpOnly; SameSite=Strict; Path=/`

export const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
