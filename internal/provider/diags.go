package provider

import (
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// explain writes an error as a detail of a diagnostic: what came back, and what
// to do about it.
func (b *base) explain(err error) string {
	return strings.TrimSpace(sentence(err) + " " + b.advice(err))
}

// ungiven says why an agent got no credential. That there is no such agent is a
// matter of the argument that names it.
func (b *base) ungiven(title, agentID string, err error, diags *diag.Diagnostics) {
	if isGone(err) {
		diags.AddAttributeError(path.Root("agent_id"), title,
			"There is no agent with the id "+agentID+" at "+b.server.place+". Use the id of an agentcreds_agent, or of the data source.")
		return
	}
	diags.AddError(title, "Agent "+agentID+": "+b.explain(err))
}

// advice is what to do about an error; "" when the error says it itself.
func (b *base) advice(err error) string {
	_, elsewhere := errors.AsType[*client.ElsewhereError](err)
	switch {
	case elsewhere:
		return "If that is the same server, set endpoint to it: what is signed for one server must not be had by another."
	case errors.Is(err, client.ErrNotAgent):
		return "Nothing was changed. Use the id of an agent."
	case errors.Is(err, client.ErrAmbiguous):
		return "It is not known whether the server did it. Plan and apply again: the provider finds out and goes on from there."
	case errors.Is(err, api.ErrUnauthorized):
		return "Check the access_token, the client_id and client_secret (or private_key, or client_certificate), or the username and password of the provider (AGENTCREDS_…): the server " + b.server.place + " does not know them."
	case errors.Is(err, api.ErrForbidden):
		return "Give the scope to the client that the provider signs in with."
	case errors.Is(err, api.ErrBlocked):
		return "Unblock the agent (enabled = true), or reinstate it by changing reinstate_trigger of agentcreds_agent, and apply again."
	case errors.Is(err, api.ErrStale):
		return "Somebody changed it since it was last read. Plan again, look at what changed, and apply."
	case errors.Is(err, api.ErrUsedID):
		return "What was revoked or has ended is never taken again: have the agent make another one, and give that."
	case errors.Is(err, api.ErrLimit):
		return "Revoke one that is no longer needed, or wait until a grace period ends."
	case errors.Is(err, api.ErrRateLimited):
		return "Apply again later, or set requests_per_minute below the limit of the server."
	}
	return b.whereabouts(err)
}

// whereabouts names the argument that leads to a server in trouble: it may be
// that another was meant.
func (b *base) whereabouts(err error) string {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case !ok || e.Status < http.StatusInternalServerError || e.Status == http.StatusServiceUnavailable:
		return ""
	case b.server.embedded:
		return "Is this the file that you mean? See embedded_path (AGENTCREDS_EMBEDDED_PATH)."
	default:
		return "Look at the server " + b.server.place + ", or correct endpoint (AGENTCREDS_ENDPOINT)."
	}
}

// sentence makes an error text into one: capital first, full stop last.
func sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	if text == "" {
		return ""
	}
	runes := []rune(text)
	// A word with a dot or a slash in it is a name, not the start of a sentence.
	if first, _, _ := strings.Cut(text, " "); !strings.ContainsAny(first, "./:_") {
		runes[0] = unicode.ToUpper(runes[0])
	}
	text = string(runes)
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// isGone reports whether the error is proof that the object is not there.
func isGone(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Gone()
}
