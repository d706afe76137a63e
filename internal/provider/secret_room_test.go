package provider

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// A state that moves to another user, or from the embedded server to serve,
// has a predecessor that another principal made: rotating twice within the
// grace was refused at the limit, though the plan had said that it makes room.
func TestMakesRoom(t *testing.T) {
	const me, other = "client:me", "local:ann@laptop"
	newest := api.Secret{SecretID: "newest", Status: api.Active, Latest: true, CreatedBy: me}
	retiring := func(id, by string) api.Secret {
		return api.Secret{SecretID: id, Status: api.Retiring, CreatedBy: by, ExpiresAt: 1}
	}
	for _, tt := range []struct {
		name   string
		have   []api.Secret
		former string
		want   string
	}{
		{"nothing in its grace", []api.Secret{newest}, "", ""},
		{"ours", []api.Secret{newest, retiring("a", me)}, "a", "a"},
		{"ours, unknown to the state", []api.Secret{newest, retiring("a", me)}, "", "a"},
		{"the oldest of ours", []api.Secret{newest, retiring("b", me), retiring("a", me)}, "b", "a"},
		{"the former one, made by another principal", []api.Secret{newest, retiring("a", other)}, "a", "a"},
		{"somebody else's", []api.Secret{newest, retiring("a", other)}, "", ""},
		{"dead", []api.Secret{newest, {SecretID: "a", Status: api.Expired, CreatedBy: me}}, "a", ""},
		{"left by create_before_destroy", []api.Secret{newest, {SecretID: "a", Status: api.Active, CreatedBy: me, ExpiresAt: 1}}, "", "a"},
		{"without an end", []api.Secret{newest, {SecretID: "a", Status: api.Active, CreatedBy: me}}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := makesRoom(tt.have, me, "newest", tt.former); got != tt.want {
				t.Errorf("makesRoom = %q, want %q", got, tt.want)
			}
		})
	}
}
