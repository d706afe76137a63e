package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// credentials is how the server is asked about one kind of credentials: what
// becomes of the old one of a rotation is the same for secrets, keys and
// certificates.
type credentials struct {
	read   func(ctx context.Context, agentID, id string) (api.Secret, error)
	expire func(ctx context.Context, agentID, id string, end int64) (api.Secret, error)
	revoke func(ctx context.Context, agentID, id, ifMatch string) error
}

// as turns calls about a kind of credentials into calls about secrets.
func as[T any](of func(T) api.Secret, c T, err error) (api.Secret, error) { return of(c), err }

// owned is what a resource has of an agent's credentials: one, and the one
// before it.
type owned struct {
	agentID, id, previous string
	grace                 time.Duration
}

// withdraw revokes what a resource has, at once. What a newer one has replaced,
// as under create_before_destroy, gets its grace instead.
func (b *base) withdraw(ctx context.Context, kind credentials, o owned) error {
	err := kind.revoke(ctx, o.agentID, o.id, o.id)
	if errors.Is(err, api.ErrStale) {
		present, err := kind.read(ctx, o.agentID, o.id)
		if err != nil {
			return err
		}
		return b.supersede(ctx, present, o.grace, func(end int64) error {
			_, err := kind.expire(ctx, o.agentID, o.id, end)
			return err
		})
	}
	if err != nil || o.previous == "" {
		return err
	}
	return kind.revoke(ctx, o.agentID, o.previous, "")
}

// moveEnd moves the end of the one before to the grace after the present one
// came. moved is false when it works no more.
func moveEnd(ctx context.Context, kind credentials, o owned, came time.Time) (now api.Secret, moved bool, err error) {
	now, err = kind.expire(ctx, o.agentID, o.previous, max(1, came.Add(o.grace).Unix()))
	if errors.Is(err, api.ErrDead) || isGone(err) {
		return now, false, nil
	}
	return now, err == nil, err
}

// over tells whether the grace of what was superseded is over. The clock of a
// server goes by the second (its Date), what it made does not: within one second,
// a grace of none is over.
func over(superseded time.Time, grace time.Duration, now time.Time) bool {
	return superseded.Add(grace).Unix() <= now.Unix()
}

// crowded is the id of the one before where the next rotation has to end it
// early, because the agent has as many live ones as it may; "" for none.
func crowded(listed []api.Secret, previous string, most int) (id string) {
	for _, s := range listed {
		if s.SecretID == previous && s.Live() {
			id = previous
		}
	}
	if liveSecrets(listed) < most {
		return ""
	}
	return id
}

// importing looks up what an import id of a credential says: its agent, and its
// id, "" for the newest. ok is false when there is nothing more to do.
func (b *base) importing(ctx context.Context, req resource.ImportStateRequest, what, member string, diags *diag.Diagnostics) (srv client.Server, a api.Agent, id string, ok bool) {
	if !b.ready(diags) {
		return srv, a, "", false
	}
	agentID, id := importPair(ctx, req, what, member, diags)
	if diags.HasError() {
		return srv, a, "", false
	}
	if srv, ok = b.inStore(ctx, facts{}, diags); !ok {
		return srv, a, "", false
	}
	a, ok = b.lookUp(ctx, agentID, diags)
	return srv, a, id, ok
}

// importPair reads an import id of the form <agent_id>/<id>, or <agent_id>
// alone. what names the kind, and member its id: "key", "kid".
func importPair(ctx context.Context, req resource.ImportStateRequest, what, member string, diags *diag.Diagnostics) (agentID, id string) {
	whole := importID(ctx, req, "agent_id", diags)
	if diags.HasError() {
		return "", ""
	}
	agentID, id, named := strings.Cut(whole, "/")
	if strings.HasPrefix(whole, externalPrefix) { // an external id may have slashes in it
		agentID, id, named = whole, "", false
	}
	if agentID == "" || named && id == "" {
		diags.AddError("Invalid import id", fmt.Sprintf(
			"%q is not an id to import a %s by: it is <agent_id>/<%s>, or <agent_id> for the newest %s of the agent.", whole, what, member, what))
	}
	return agentID, id
}

// howMany of the arguments are set, of which one is to say what the credential is.
func howMany(sources map[string]types.String) (set int) {
	for _, v := range sources {
		if !v.IsNull() {
			set++
		}
	}
	return set
}

func liveSecrets(secrets []api.Secret) int {
	n := 0
	for _, s := range secrets {
		if s.Live() {
			n++
		}
	}
	return n
}
