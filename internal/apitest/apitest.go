// Package apitest checks any server through a client: what the two mean
// together, and every promise of the wire that a user of the client relies on.
// It knows no server, no store and no clock but the server's. What it makes it
// deletes.
package apitest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// Run runs the suite. open is called once for each of its tests and makes a
// client of a server, which may be the same each time. Tests of what a server
// does not offer are skipped.
func Run(t *testing.T, open func(t *testing.T) *client.Client) { run(t, open, false) }

// Compare runs the suite against a product that is not ours. Where nobody has
// seen the product do what a check wants (WSO2-WIRE.md marks it as inferred),
// what differs is logged, as "differs: …", and is no failure.
func Compare(t *testing.T, open func(t *testing.T) *client.Client) { run(t, open, true) }

func run(t *testing.T, open func(t *testing.T) *client.Client, lenient bool) {
	for _, tt := range []struct {
		name     string
		extended bool // it needs our extension
		run      func(*suite)
	}{
		{"Server", false, server},
		{"CreateAgent", false, createAgent},
		{"CreateWithPassword", false, createWithPassword},
		{"CreateWithoutSecret", true, createWithoutSecret},
		{"UnknownAgent", false, unknownAgent},
		{"ExternalID", false, externalID},
		{"PatchAgent", false, patchAgent},
		{"PatchExtension", true, patchExtension},
		{"ReplaceAgent", false, replaceAgent},
		{"BlockAgent", false, blockAgent},
		{"PatchPassword", false, patchPassword},
		{"SetPassword", false, setPassword},
		{"FindAgents", false, findAgents},
		{"ReadAgent", false, readAgent},
		{"DeleteAgent", false, deleteAgent},
		{"OwnerToken", true, ownerToken},

		{"Roles", false, roles},
		{"RoleMembers", false, roleMembers},
		{"RoleRefusals", false, roleRefusals},

		{"AddSecret", true, addSecret},
		{"PutSecret", true, putSecret},
		{"PutSecretOnce", true, putSecretOnce},
		{"Limit", true, limit},
		{"Preconditions", true, preconditions},
		{"Rotate", true, rotate},
		{"ExpireSecret", true, expireSecret},
		{"RevokeSecret", true, revokeSecret},
		{"RevokeAll", true, revokeAll},
		{"SecretsOfAgents", true, secretsOfAgents},
		{"CreationTimes", true, creationTimes},

		{"AddKey", true, addKey},
		{"PutKey", true, putKey},
		{"RotateKeys", true, rotateKeys},
		{"Subjects", true, subjects},
		{"Certificates", true, certificates},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t)
			srv, err := c.Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tt.extended && !srv.Extended() {
				t.Skip("the server does not have the extension")
			}
			tt.run(&suite{T: t, c: c, srv: srv, lenient: lenient})
		})
	}
}

// suite is one test with its client.
type suite struct {
	*testing.T
	c   *client.Client
	srv client.Server
	// lenient: what is only inferred of the product is no failure.
	lenient bool
}

// inferred is Errorf for what nobody has seen a WSO2 server do, or not do.
func (s *suite) inferred(format string, args ...any) {
	s.Helper()
	if s.lenient {
		s.Logf("differs: "+format, args...)
		return
	}
	s.Errorf(format, args...)
}

// ok ends the test when a call failed that must not.
func (s *suite) ok(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// refused checks that a call failed as it must.
func (s *suite) refused(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s = %v, want what is %v", what, err, want)
	}
}

// gone checks that an error is proof that there is no such thing.
func (s *suite) gone(what string, err error) {
	s.Helper()
	if e, ok := errors.AsType[*api.Error](err); !ok || !e.Gone() {
		s.Errorf("%s = %v, want a 404 in the server's own words", what, err)
	}
}

// create makes an agent, which is deleted after the test.
func (s *suite) create(a api.Agent) api.Agent {
	s.Helper()
	made, err := s.c.CreateAgent(s.Context(), a)
	s.ok("CreateAgent", err)
	s.Cleanup(func() {
		err := s.c.DeleteAgent(context.Background(), made.ID, "")
		if err != nil && !errors.Is(err, api.ErrNotFound) {
			s.Errorf("delete what the test made: %v", err)
		}
	})
	return made
}

// bare makes an agent with a name of its own, without a secret where that can
// be asked for.
func (s *suite) bare() api.Agent {
	s.Helper()
	a := api.Agent{Profile: api.AgentProfile{DisplayName: s.word()}}
	if s.srv.Extended() {
		a.Extension = &api.AgentSecurity{Secret: api.SecretNone}
	}
	return s.create(a)
}

// agent reads an agent from the server.
func (s *suite) agent(id string) api.Agent {
	s.Helper()
	a, err := s.c.Agent(s.Context(), id)
	s.ok("Agent", err)
	return a
}

// patch changes an agent.
func (s *suite) patch(id string, ops ...api.Operation) api.Agent {
	s.Helper()
	a, err := s.c.PatchAgent(s.Context(), id, ops)
	s.ok("PatchAgent", err)
	return a
}

// word is a word that nobody has used before.
func (s *suite) word() string { return "apitest-" + newID()[:13] }

// newID is the id of a thing that is not there yet.
func newID() string { return uuid.NewString() }

// equal compares.
func equal[T comparable](s *suite, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Errorf("%s = %v, want %v", what, got, want)
	}
}
