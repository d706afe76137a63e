// Signs an agent in with WSO2's own SDK, as it is configured for Asgardeo. It verifies the ID token, by RS256 and no other.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { AsgardeoJavaScriptClient } from '@asgardeo/javascript'
import { decodeJwt } from 'jose'

const { issuer, agents, app } = JSON.parse(await text(process.stdin))
const client = new AsgardeoJavaScriptClient({
  baseUrl: issuer, wellKnownEndpoint: `${issuer}/.well-known/openid-configuration`,
  clientId: app.id, afterSignInUrl: app.redirect, scopes: ['openid', 'read'],
})
await new Promise(setImmediate) // its constructor does not wait for its own beginning
for (const agent of agents) {
  const token = await client.getAgentToken({ agentID: agent.id, agentSecret: agent.secret })
  assert.equal(token.tokenType, 'Bearer')
  assert.equal(token.scope, 'read')
  for (const jwt of [token.accessToken, token.idToken]) {
    const { sub, aut } = decodeJwt(jwt)
    assert.deepEqual({ sub, aut }, { sub: agent.id, aut: 'AGENT' })
  }
  await assert.rejects(client.getAgentToken({ agentID: agent.id, agentSecret: 'another secret' }), /Agent authentication failed/)
}
console.log('all is as it should be')
