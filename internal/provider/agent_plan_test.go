package provider_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// withSecret gives the agent a secret.
func withSecret(at *place, m *managed) { at.hand(m.t).add(m.id(), api.SecretRequest{}) }

// with does something to the agent by another hand.
func with(do func(h hand, id string) error) event {
	return func(at *place, m *managed) {
		h := at.hand(m.t)
		h.check("prepare", do(h, m.id()))
	}
}

func withKey(at *place, m *managed) {
	with(func(h hand, id string) error {
		_, err := h.AddKey(h.ctx(), id, api.KeyRequest{PublicKeyPEM: newKeyPair(h.t).public})
		return err
	})(at, m)
}

func withCertificate(of func(hand) api.CertificateRequest) event {
	return with(func(h hand, id string) error {
		_, err := h.AddCertificate(h.ctx(), id, of(h))
		return err
	})
}

func revokedAgent(at *place, m *managed) {
	h := at.hand(m.t)
	h.check("revoke everything", h.RevokeAll(h.ctx(), m.id()))
}

func lockedAgent(at *place, m *managed) {
	at.hand(m.t).patch(m.id(), api.Replace(api.SchemaWSO2+":accountLocked", true))
}

func reinstated(at *place, m *managed) {
	m.t.Helper()
	m.apply(m.configured().with("reinstate_trigger", attrs{"n": "once"}))
}

// TestAgentPlan: a change of an agent makes nothing unknown, and changes what
// it names.
func TestAgentPlan(t *testing.T) {
	t.Parallel()
	full := attrs{
		"display_name": "bot", "description": "a bot", "owner": "ann@example.com", "external_id": "team/bot",
		"attributes": attrs{"Team": "support", "Tier": "1"}, "scopes": words("read", "write"), "audiences": words("https://a.example"),
		"allowed_auth_methods": words("client_secret_basic", "private_key_jwt"), "deletion_policy": "delete",
	}
	for _, tt := range []struct {
		name     string
		config   attrs
		then     event
		next     attrs
		unknowns []string
		changes  []string
		replaces bool
		warns    string
		fails    []string // words of the error; the first is its attribute
	}{
		{name: "nothing"},
		{name: "nothing of a full one", config: full},
		{name: "display_name", config: full, next: attrs{"display_name": "new"}, changes: []string{"display_name"}},
		{name: "display_name unknown", config: full, next: attrs{"display_name": unknown}, unknowns: []string{"display_name"}},
		{name: "description", config: full, next: attrs{"description": "new"}, changes: []string{"description"}},
		{name: "description gone", config: full, next: attrs{"description": nil}, changes: []string{"description"}},
		{name: "owner gone", config: full, next: attrs{"owner": nil}, changes: []string{"owner"}},
		{name: "external_id", config: full, next: attrs{"external_id": "team/other"}, changes: []string{"external_id"}},
		{name: "external_id gone", config: full, next: attrs{"external_id": nil}, changes: []string{"external_id"}},
		{name: "an attribute", config: full, next: attrs{"attributes": attrs{"Team": "sales", "Tier": "1"}}, changes: []string{"attributes"}},
		{name: "an attribute less", config: full, next: attrs{"attributes": attrs{"Team": "support"}}, changes: []string{"attributes"}},
		{name: "no attributes", config: full, next: attrs{"attributes": nil}, changes: []string{"attributes"}},
		{name: "a scope more", config: full, next: attrs{"scopes": words("read", "write", "admin")}, changes: []string{"scopes"}},
		{name: "a scope less", config: full, next: attrs{"scopes": words("read")}, changes: []string{"scopes"}},
		{name: "no scopes", config: full, next: attrs{"scopes": nil}, changes: []string{"scopes"}},
		{name: "audiences", config: full, next: attrs{"audiences": words("https://b.example")}, changes: []string{"audiences"}},
		{name: "timeouts", next: attrs{"timeouts": attrs{"create": "1m", "read": nil, "update": nil, "delete": nil}}, changes: []string{"timeouts"}},
		{name: "on_existing", next: attrs{"on_existing": "adopt"}, changes: []string{"on_existing"}},
		{name: "deletion_policy", next: attrs{"deletion_policy": "prevent"}, changes: []string{"deletion_policy"}},

		{name: "enabled, as it is", next: attrs{"enabled": true}},
		{name: "disabled", next: attrs{"enabled": false}, changes: []string{"enabled"}},
		{name: "enabled unknown", next: attrs{"enabled": unknown}, unknowns: []string{"enabled"}},
		{name: "enabled again", config: attrs{"enabled": false}, next: attrs{"enabled": true}, changes: []string{"enabled"}},
		{name: "enabled no longer managed", config: attrs{"enabled": false}, next: attrs{"enabled": nil}},
		{name: "locked outside, not managed", then: lockedAgent, next: attrs{"enabled": nil}},
		{name: "locked outside, managed", config: attrs{"enabled": true}, then: lockedAgent, changes: []string{"enabled"}, next: attrs{"enabled": true}},

		{name: "another kind of agent", next: attrs{"is_user_serving_agent": true}, changes: []string{"is_user_serving_agent"}, replaces: true},
		{name: "another kind of agent, prevented", config: attrs{"deletion_policy": "prevent"}, next: attrs{"is_user_serving_agent": true}, fails: []string{"deletion_policy", "may not be destroyed"}},
		{name: "another kind of agent, and no longer prevented", config: attrs{"deletion_policy": "prevent"}, next: attrs{"is_user_serving_agent": true, "deletion_policy": "delete"}, fails: []string{"deletion_policy"}},

		{name: "reinstate_trigger of one in service", next: attrs{"reinstate_trigger": attrs{"a": "1"}}, changes: []string{"reinstate_trigger"}},
		{name: "revoked", then: revokedAgent, warns: "stays out of service"},
		{name: "revoked, and a change", then: revokedAgent, next: attrs{"display_name": "new"}, fails: []string{"reinstate_trigger", "was revoked"}},
		{name: "revoked, and enabled", config: attrs{"enabled": false}, then: revokedAgent, next: attrs{"enabled": true}, fails: []string{"reinstate_trigger", "was revoked"}},
		{name: "revoked, and only a policy", then: revokedAgent, next: attrs{"deletion_policy": "abandon"}, changes: []string{"deletion_policy"}, warns: "stays out of service"},
		{name: "revoked, and reinstated", then: revokedAgent, next: attrs{"reinstate_trigger": attrs{"a": "1"}}, changes: []string{"reinstate_trigger", "revoked_at"}},
		{name: "revoked, reinstated and changed", then: revokedAgent, next: attrs{"reinstate_trigger": attrs{"a": "1"}, "display_name": "new"}, changes: []string{"display_name", "reinstate_trigger", "revoked_at"}},
		{name: "revoked again, same trigger", then: both(revokedAgent, reinstated, revokedAgent), warns: "stays out of service"},
		{name: "revoked again, next trigger", then: both(revokedAgent, reinstated, revokedAgent), next: attrs{"reinstate_trigger": attrs{"n": "twice"}}, changes: []string{"reinstate_trigger", "revoked_at"}},
		{name: "revoked again, trigger gone", then: both(revokedAgent, reinstated, revokedAgent), next: attrs{"reinstate_trigger": nil}, changes: []string{"reinstate_trigger"}, warns: "stays out of service"},

		{name: "other methods, no secret", next: attrs{"allowed_auth_methods": words("private_key_jwt")}, changes: []string{"allowed_auth_methods"}},
		{name: "other methods, a secret", then: withSecret, next: attrs{"allowed_auth_methods": words("private_key_jwt")}, fails: []string{"allowed_auth_methods", "locked out"}},
		{name: "other methods, a secret, allowed", then: withSecret, next: attrs{"allowed_auth_methods": words("private_key_jwt"), "prevent_lockout": false}, changes: []string{"allowed_auth_methods", "prevent_lockout"}},
		{name: "methods with one for a secret", then: withSecret, next: attrs{"allowed_auth_methods": words("private_key_jwt", "client_secret_post")}, changes: []string{"allowed_auth_methods"}},
		{name: "no methods, a secret", then: withSecret, next: attrs{"allowed_auth_methods": []any{}}, changes: []string{"allowed_auth_methods"}},
		{name: "the method of a key, a secret and the key", then: both(withSecret, withKey), next: attrs{"allowed_auth_methods": words("private_key_jwt")}, changes: []string{"allowed_auth_methods"}},
		{name: "the method of secrets, a key", then: withKey, next: attrs{"allowed_auth_methods": words("client_secret_basic")}, fails: []string{"allowed_auth_methods", "locked out", "private_key_jwt", "two applies"}},
		{name: "the method of a key, a jwks_uri", then: with(func(h hand, id string) error {
			_, err := h.AddKey(h.ctx(), id, api.KeyRequest{JWKSURI: "https://agent.example/keys"})
			return err
		}), next: attrs{"allowed_auth_methods": words("private_key_jwt")}, changes: []string{"allowed_auth_methods"}},
		{name: "the method of a key that was revoked", then: both(withSecret, withKey, with(func(h hand, id string) error {
			listed, _ := h.Keys(h.ctx(), id)
			return h.RevokeKey(h.ctx(), id, listed[0].KID, "")
		})), next: attrs{"allowed_auth_methods": words("private_key_jwt")}, fails: []string{"allowed_auth_methods", "locked out"}},
		{name: "the method of a key that expired", then: both(withSecret, with(func(h hand, id string) error {
			_, err := h.AddKey(h.ctx(), id, api.KeyRequest{PublicKeyPEM: newKeyPair(h.t).public, ExpiresAt: time.Now().Add(time.Hour).Unix()})
			return err
		}), later(2*time.Hour)), next: attrs{"allowed_auth_methods": words("private_key_jwt")}, fails: []string{"allowed_auth_methods", "locked out"}},
		{name: "the method of a given certificate", then: withCertificate(func(h hand) api.CertificateRequest {
			return api.CertificateRequest{CertificatePEM: newKeyPair(h.t).certificate}
		}), next: attrs{"allowed_auth_methods": words("self_signed_tls_client_auth")}, changes: []string{"allowed_auth_methods"}},
		{name: "the other method of certificates", then: withCertificate(func(h hand) api.CertificateRequest {
			return api.CertificateRequest{CertificatePEM: newKeyPair(h.t).certificate}
		}), next: attrs{"allowed_auth_methods": words("tls_client_auth")}, fails: []string{"allowed_auth_methods", "locked out"}},
		{name: "the method of a subject", then: withCertificate(func(hand) api.CertificateRequest {
			return api.CertificateRequest{Subject: &api.Subject{DNS: "a.example"}}
		}), next: attrs{"allowed_auth_methods": words("tls_client_auth")}, changes: []string{"allowed_auth_methods"}},
		{name: "locked out already", config: attrs{"allowed_auth_methods": words("private_key_jwt")}, then: withSecret, next: attrs{"allowed_auth_methods": words("tls_client_auth")}, changes: []string{"allowed_auth_methods"}},
		{name: "methods unknown, a secret", then: withSecret, next: attrs{"allowed_auth_methods": unknown}, unknowns: []string{"allowed_auth_methods"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := newRemotePlace(t)
			m := at.newAgent(t, tt.config)
			configured := attrs{"display_name": "bot"}.merge(tt.config)
			if tt.then != nil {
				tt.then(at, m)
				configured = configured.with("reinstate_trigger", m.state["reinstate_trigger"])
			}
			p := at.plugin(t)
			p.mustPass("refresh", m.refreshBy(p))
			at.remote.forget()
			plan := m.planTwice(p, configured.with().merge(tt.next))
			if asked := at.remote.requests("", anyPath); len(asked) > 0 {
				t.Errorf("the plan asked the server: %v", asked)
			}
			if tt.fails != nil {
				mustSay(t, "the plan", plan.problems, tt.fails...)
				return
			}
			p.mustPass("plan", plan.problems)
			expectPlan(t, m.instance, plan, tt.unknowns, tt.changes...)
			if (len(plan.replace) > 0) != tt.replaces {
				t.Errorf("the plan replaces by %v", plan.replace)
			}
			said := plan.problems.warnings()
			if (tt.warns == "") != (len(said) == 0) {
				t.Errorf("the plan warns: %v, want %q", said, tt.warns)
			}
			saysAll(t, "the plan", said, tt.warns)
		})
	}
}

// TestAgentDestroyPlan: deletion_policy = "prevent" is an error of the plan.
func TestAgentDestroyPlan(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	for policy, prevented := range map[string]bool{"delete": false, "disable": false, "abandon": false, "prevent": true} {
		m := at.newAgent(t, attrs{"deletion_policy": policy})
		plan := m.planBy(at.plugin(t), nil)
		if got := len(plan.problems.errors()) > 0; got != prevented {
			t.Errorf("%s: the plan to destroy says %v", policy, plan.problems)
		}
		if prevented {
			mustSay(t, "the plan to destroy", plan.problems, `AttributeName("deletion_policy")`, m.id(), "apply that first")
		}
	}
}
