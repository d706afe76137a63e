package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// factsKey is where facts live in a resource's private state.
const factsKey = "facts"

// facts is what a resource remembers beside its state: in private state, which
// is not encrypted, so nothing of it is secret.
type facts struct {
	// Store is the id of the store that the object lives in; "" when it is
	// not known yet.
	Store string `json:"store,omitempty"`
	// Imported is set until the first trigger or rotation after an import:
	// what the configuration says then is the baseline.
	Imported bool `json:"imported,omitempty"`
	// Blocked: the agent was blocked or revoked when it was last read.
	Blocked bool `json:"blocked,omitempty"`

	// OwnerToken of an agent marks it as this resource's.
	OwnerToken string `json:"owner_token,omitempty"`
	// Methods are those by which an agent could authenticate with what it had
	// when it was last read, if they were allowed.
	Methods []string `json:"methods,omitempty"`
	// Birth is when the server made the first secret of an agent that this
	// resource created, in unix milliseconds; 0 when that is not known.
	Birth int64 `json:"birth,omitempty"`

	// Latest is the agent's newest secret where that is not this
	// resource's: a rotation names it, so that it changes nothing that it
	// has not seen.
	Latest string `json:"latest,omitempty"`
	// Ending is when a destroy set a secret that nobody knows, if it did: its
	// answer was lost.
	Ending *span `json:"ending,omitempty"`
	// Withdrawn: the secret was given by the configuration, and somebody
	// revoked it: the same value is not sent again unasked.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// Status of a certificate that works no more, when it was last read; ""
	// while it does.
	Status api.Status `json:"status,omitempty"`
	// MakesRoom is the credential that the next rotation revokes before its grace
	// ends, because the agent has as many live ones as it may; "" for none.
	MakesRoom string `json:"makes_room,omitempty"`
	// Last: when it was last read, the agent could authenticate by the
	// credentials of this resource alone.
	Last bool `json:"last,omitempty"`
	// Used says when credentials that a plan can end were last used, by id, and
	// Read when that was read: both by the server's clock. They are kept for
	// live ones alone that were used within a day before Read.
	Used map[string]time.Time `json:"used,omitempty"`
	Read time.Time            `json:"read,omitzero"`
}

// span is from a time until another, in unix milliseconds by the server's clock.
type span struct {
	From  int64 `json:"from"`
	Until int64 `json:"until"`
}

func (s *span) covers(ms int64) bool { return s != nil && s.From <= ms && ms <= s.Until }

// Private state is of an internal type of the framework: these are its parts.
type privateReader interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}

func readFacts(ctx context.Context, from privateReader, diags *diag.Diagnostics) facts {
	var f facts
	data, d := from.GetKey(ctx, factsKey)
	if diags.Append(d...); d.HasError() || len(data) == 0 {
		return f
	}
	if err := json.Unmarshal(data, &f); err != nil {
		diags.AddError("Cannot read the private state", "What the provider remembers of this object is not its own: "+err.Error()+". Import the object anew.")
	}
	return f
}

// writeFacts writes valid JSON only: the framework logs, in clear, what it
// cannot parse.
func writeFacts(ctx context.Context, to privateWriter, f facts, diags *diag.Diagnostics) {
	data, err := json.Marshal(f)
	if err != nil {
		diags.AddError("Cannot write the private state", err.Error())
		return
	}
	diags.Append(to.SetKey(ctx, factsKey, data)...)
}

// unpackFacts reads facts from private state as the framework writes it; ok is
// false when there is more in it, or something else.
func unpackFacts(private []byte) (f facts, ok bool) {
	if len(private) == 0 {
		return f, true
	}
	var parts map[string][]byte
	if json.Unmarshal(private, &parts) != nil || len(parts) != 1 || len(parts[factsKey]) == 0 {
		return f, false
	}
	err := json.Unmarshal(parts[factsKey], &f)
	return f, err == nil
}

// packFacts is the opposite of unpackFacts.
func packFacts(f facts) ([]byte, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string][]byte{factsKey: data})
}
