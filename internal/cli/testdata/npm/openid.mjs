// Signs agents in as a program does that knows nothing but the OpenID client of its npm: discovery, tokens, introspection
// and revocation with openid-client, tokens checked with jose and with oauth4webapi. Standard input has what it is told.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const { issuer, agents, gateway, audience } = JSON.parse(await text(process.stdin))
const insecure = issuer.startsWith('http:')
const methods = { basic: client.ClientSecretBasic, post: client.ClientSecretPost }

const discover = (who, authenticate, algorithm = 'oidc') =>
  client.discovery(new URL(issuer), who.id, undefined, authenticate(who.secret), {
    algorithm, execute: insecure ? [client.allowInsecureRequests] : [],
  })

// Both libraries read the key set themselves; each would refuse a token of another issuer, audience, type or key.
async function verify(server, token, id) {
  const keys = createRemoteJWKSet(new URL(server.jwks_uri))
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, subject: id, typ: 'at+jwt', algorithms: ['ES256'] })
  assert.equal(payload.client_id, id)
  assert.equal(payload.aut, 'AGENT')
  assert.equal(payload.scope, 'read')
  assert.ok(protectedHeader.kid)
  await assert.rejects(jwtVerify(token, keys, { issuer, audience: 'https://another.example' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
  const call = new Request(audience, { headers: { Authorization: `Bearer ${token}` } })
  const claims = await oauth.validateJwtAccessToken(server, call, audience, { [oauth.allowInsecureRequests]: insecure })
  assert.equal(claims.sub, id)
}

const inspector = await discover(gateway, client.ClientSecretBasic)

for (const [name, authenticate] of Object.entries(methods)) {
  for (const agent of agents) {
    for (const algorithm of agent === agents[0] ? ['oidc', 'oauth2'] : ['oidc']) { // which well-known document it reads
      const config = await discover(agent, authenticate, algorithm)
      const answer = await client.clientCredentialsGrant(config, { scope: 'read', resource: audience })
      assert.equal(answer.token_type, 'bearer')
      assert.ok(answer.expiresIn() > 500, 'it lives ten minutes')
      await verify(config.serverMetadata(), answer.access_token, agent.id)

      const told = await client.tokenIntrospection(inspector, answer.access_token)
      assert.equal(told.active, true)
      assert.equal(told.sub, agent.id)
      assert.equal(told.scope, 'read')
      await client.tokenRevocation(config, answer.access_token)
      assert.deepEqual({ ...await client.tokenIntrospection(inspector, answer.access_token) }, { active: false })
    }
  }

  const config = await discover({ ...agents[0], secret: 'another secret: é+%&' }, authenticate)
  await assert.rejects(client.clientCredentialsGrant(config), (err) => {
    if (name === 'post') {
      assert.equal(err.error, 'invalid_client')
    } else { // the library shows the challenge instead of the body
      assert.equal(err.code, 'OAUTH_WWW_AUTHENTICATE_CHALLENGE')
      assert.equal(err.cause[0].scheme, 'basic')
    }
    assert.equal(err.status, 401)
    return true
  }, name)
}
console.log('all is as it should be')
