// Gets tokens by every way to authenticate, with openid-client and with oauth4webapi: two secrets, a key, and certificates
// that the connection shows (RFC 8705). Tokens are checked with jose; those that are bound say so at introspection.
// Standard input has what it is told.
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, importPKCS8, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { Agent, fetch as connect } from 'undici'

const { issuer, audience, gateway, agent } = JSON.parse(await text(process.stdin))
const server = new URL(issuer)
const ca = agent.ca
const key = { key: await importPKCS8(agent.key, 'ES256') }
const stranger = { key: await importPKCS8(agent.given.key, 'ES256') }

// A fetch that shows a certificate: what a service mesh or a program with a certificate of its own does.
const showing = ({ cert, key }) => {
  const dispatcher = new Agent({ connect: { cert, key, ca } })
  return (url, options) => connect(url, { ...options, dispatcher })
}
const thumbprint = ({ cert }) => createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url')

const inspector = await client.discovery(server, gateway.id, undefined, client.ClientSecretBasic(gateway.secret))
const keys = createRemoteJWKSet(new URL(inspector.serverMetadata().jwks_uri))

async function verify(token, shown) {
  const { payload } = await jwtVerify(token, keys, { issuer, audience, subject: agent.id, typ: 'at+jwt', algorithms: ['ES256'] })
  assert.equal(payload.aut, 'AGENT')
  assert.equal(payload.scope, 'read')
  const told = await client.tokenIntrospection(inspector, token)
  assert.equal(told.active, true)
  assert.equal(told.client_id, agent.id)
  const want = shown && { 'x5t#S256': thumbprint(shown) }
  assert.deepEqual(payload.cnf, want)
  assert.deepEqual(told.cnf && { ...told.cnf }, want)
}

const methods = [
  { name: 'client_secret_basic', by: (lib) => lib.ClientSecretBasic(agent.secret), wrong: (lib) => lib.ClientSecretBasic('another') },
  { name: 'client_secret_post', by: (lib) => lib.ClientSecretPost(agent.secret), wrong: (lib) => lib.ClientSecretPost('another') },
  { name: 'private_key_jwt', by: (lib) => lib.PrivateKeyJwt(key), wrong: (lib) => lib.PrivateKeyJwt(stranger) },
  { name: 'tls_client_auth', by: (lib) => lib.TlsClientAuth(), shown: agent.signed, other: agent.unknown },
  { name: 'self_signed_tls_client_auth', by: (lib) => lib.TlsClientAuth(), shown: agent.given, other: agent.unknown },
]

// openid-client.
async function byClient({ by, shown }) {
  const metadata = shown && { use_mtls_endpoint_aliases: true }
  const config = await client.discovery(server, agent.id, metadata, by(client), shown && { [client.customFetch]: showing(shown) })
  const { access_token: token } = await client.clientCredentialsGrant(config, { scope: 'read', resource: audience })
  return { token, revoke: () => client.tokenRevocation(config, token) }
}

// oauth4webapi.
async function byAPI({ by, shown }) {
  const options = shown && { [oauth.customFetch]: showing(shown) }
  const found = await oauth.discoveryRequest(server, { algorithm: 'oauth2' })
  const as = await oauth.processDiscoveryResponse(server, found)
  const self = { client_id: agent.id, use_mtls_endpoint_aliases: Boolean(shown) }
  const form = new URLSearchParams({ scope: 'read', resource: audience })
  const answer = await oauth.clientCredentialsGrantRequest(as, self, by(oauth), form, options)
  const { access_token: token } = await oauth.processClientCredentialsResponse(as, self, answer)
  const revoke = async () => oauth.processRevocationResponse(await oauth.revocationRequest(as, self, by(oauth), token, options))
  return { token, revoke }
}

const aliases = inspector.serverMetadata().mtls_endpoint_aliases
assert.ok(aliases.token_endpoint.startsWith(issuer))
for (const method of methods) {
  assert.ok(inspector.serverMetadata().token_endpoint_auth_methods_supported.includes(method.name), method.name)
  for (const get of [byClient, byAPI]) {
    const { token, revoke } = await get(method)
    await verify(token, method.shown)
    await revoke()
    assert.equal((await client.tokenIntrospection(inspector, token)).active, false, method.name)
    const refused = method.other ? { ...method, shown: method.other } : { ...method, by: method.wrong }
    await assert.rejects(get(refused), (err) => err.status === 401, `${method.name} with something else`)
  }
}
console.log('all is as it should be')
