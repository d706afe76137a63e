package authority_test

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Pages follow each other without a gap and end where the chain does.
func TestAuditEvents(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	for range 4 {
		w.change(t, id, authority.AgentChange{Active: new(false)})
		w.change(t, id, authority.AgentChange{Active: new(true)})
	}
	var found []authority.AuditEntry
	for {
		page, err := w.AuditEvents(t.Context(), authority.AuditQuery{After: int64(len(found)), Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, page...)
		if len(page) < 3 {
			break
		}
	}
	want := w.trail(t)
	if len(found) != len(want) || found[len(found)-1].Hash != want[len(want)-1].Hash {
		t.Errorf("the pages have %d entries, the chain %d", len(found), len(want))
	}
	head, err := w.Checkpoint(t.Context())
	if err != nil || head.Hash != found[len(found)-1].Hash || head.StoreID != w.StoreID() {
		t.Errorf("Checkpoint = %+v, %v", head, err)
	}
	if all, err := w.AuditEvents(t.Context(), authority.AuditQuery{Limit: 1 << 30}); err != nil || len(all) != len(want) {
		t.Errorf("AuditEvents without a limit = %d entries, %v", len(all), err)
	}
}

// A signed checkpoint verifies by the published keys, and is no access token.
func TestSignCheckpoint(t *testing.T) {
	for _, alg := range authority.Algorithms {
		t.Run(alg, func(t *testing.T) {
			o := newOffice(t, alg)
			text := []byte(`{"seq":1}`)
			signed, err := o.SignCheckpoint(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			var keys jose.JSONWebKeySet
			set, err := o.JWKS(t.Context())
			if err == nil {
				err = json.Unmarshal(set.JSON, &keys)
			}
			if err != nil {
				t.Fatal(err)
			}
			jws, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := jws.Verify(keys.Key(jws.Signatures[0].Header.KeyID)[0]); err != nil || string(got) != string(text) {
				t.Errorf("Verify = %s, %v", got, err)
			}
			_, err = o.Inspect(t.Context(), secret.New(signed))
			wantRefusal(t, err, authority.BadToken)
		})
	}
}
