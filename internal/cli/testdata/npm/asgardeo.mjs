// Signs an agent in as a client does that was written for WSO2 Asgardeo: POST authorize with response_mode=direct, POST
// authn with the Agent ID and its secret, and the code with PKCE for a token. It knows Asgardeo and nothing of agentcreds.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'

class AgentAuth {
  constructor(config) {
    this.config = config
  }

  async #post(path, contentType, body) {
    const answer = await fetch(this.config.baseUrl + path, {
      method: 'POST', headers: { Accept: 'application/json', 'Content-Type': contentType }, body,
    })
    const json = await answer.json()
    if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status, body: json })
    return json
  }

  #form(path, values) {
    return this.#post(path, 'application/x-www-form-urlencoded', new URLSearchParams(values).toString())
  }

  async getAgentToken(agentId, agentSecret) {
    const verifier = randomBytes(32).toString('base64url')
    const { clientId, redirectUri, scope } = this.config
    const state = randomBytes(8).toString('hex')
    const init = await this.#form('/oauth2/authorize', {
      client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope, response_mode: 'direct', state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    })
    assert.equal(init.flowStatus, 'INCOMPLETE')
    const basic = init.nextStep.authenticators.find((a) => a.authenticator === 'Username & Password')
    const done = await this.#post('/oauth2/authn', 'application/json', JSON.stringify({
      flowId: init.flowId,
      selectedAuthenticator: { authenticatorId: basic.authenticatorId, params: { username: agentId, password: agentSecret } },
    }))
    if (done.flowStatus !== 'SUCCESS_COMPLETED') {
      throw Object.assign(new Error(done.nextStep.messages[0].message), { flowStatus: done.flowStatus })
    }
    assert.equal(done.authData.state, state)
    this.last = { grant_type: 'authorization_code', client_id: clientId, code: done.authData.code, code_verifier: verifier, redirect_uri: redirectUri }
    return this.redeem()
  }

  redeem() {
    return this.#form('/oauth2/token', this.last)
  }
}

const { issuer, agents, app } = JSON.parse(await text(process.stdin))
const auth = new AgentAuth({ baseUrl: issuer, clientId: app.id, redirectUri: app.redirect, scope: 'openid read' })
for (const agent of agents) {
  const token = await auth.getAgentToken(agent.id, agent.secret)
  assert.equal(token.token_type, 'Bearer')
  const { payload } = await jwtVerify(token.access_token, createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`)), { issuer })
  assert.equal(payload.sub, agent.id)
  assert.equal(payload.aut, 'AGENT')
  assert.equal(payload.scope, 'read')
  await assert.rejects(auth.redeem(), (err) => err.status === 400 && err.body.error === 'invalid_grant', 'a code is good once')
  await assert.rejects(auth.getAgentToken(agent.id, 'another secret'),
    { flowStatus: 'FAIL_INCOMPLETE', message: 'Invalid username or password.' })
}
console.log('all is as it should be')
