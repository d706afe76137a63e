package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Where the value of a secret goes is told by what is set: secret_wo, then it
// comes from outside and goes nowhere; seal_to, then an envelope is kept;
// neither, then it is in the state.

// given: the value comes from secret_wo.
func (m *secretModel) given() bool { return !m.SecretWOVersion.IsNull() }

// sealed: the value is kept in an envelope. An empty set is as null.
func (m *secretModel) sealed() bool { return len(wordsOf(m.SealTo)) > 0 }

// valueUnknown: the secret was imported, and not rotated since. There is nothing
// that could be sealed, and nothing to take out of the state.
func (m *secretModel) valueUnknown() bool {
	return m.Secret.IsNull() && m.SealedSecret.IsNull() && !m.given()
}

// givenValue reads secret_wo, which is in the configuration only.
func givenValue(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) secret.Text {
	var v types.String
	diags.Append(config.GetAttribute(ctx, path.Root("secret_wo"), &v)...)
	return secret.New(v.ValueString())
}

// supply decides on the value before anything is sent, and on all that can fail
// about it.
func (n *newSecret) supply(k keeping, m *secretModel, given secret.Text) (err error) {
	switch {
	case m.given() && given.IsZero():
		return fmt.Errorf("secret_wo has no value: where it comes from gave null or an empty text")
	case m.given():
		n.request.SecretValue, n.given = given, true
		if err := secret.Check(given); err != nil {
			return fmt.Errorf("secret_wo is refused: %w", err)
		}
		return nil
	case m.sealed():
		if n.sealer, err = secret.NewSealer(wordsOf(m.SealTo)); err != nil {
			return fmt.Errorf("seal_to is refused: %w", err)
		}
	}
	n.request.SecretValue = k.generate()
	return nil
}

// keepValue puts the value where it belongs.
func (m *secretModel) keepValue(n newSecret) {
	m.Secret, m.SealedSecret, m.SecretWO = types.StringNull(), types.StringNull(), types.StringNull()
	switch {
	case m.given():
	case n.sealer != nil:
		m.SealedSecret = types.StringValue(n.sealer.Seal(secret.Envelope{
			AgentID: n.agentID, SecretID: n.made.SecretID, Version: m.Version.ValueInt64(), Value: n.request.SecretValue,
		}))
	default:
		m.Secret = types.StringValue(n.request.SecretValue.Reveal())
	}
}

// handling is why another handling of the value makes a new secret.
type handling int

const (
	sameHandling handling = iota
	sealsNow
	sealsToOthers
	sealsNoMore
	givenNow
	givenAnew
	givenNoMore
)

// handled compares how the value is handled with how it was. Right after an
// import there is no value: what is configured then is the baseline.
func (m *secretModel) handled(state *secretModel) handling {
	switch {
	case state.given() && !m.given():
		return givenNoMore
	case state.given() && !m.SecretWOVersion.Equal(state.SecretWOVersion):
		return givenAnew
	case state.given(), state.valueUnknown():
		return sameHandling
	case m.given():
		return givenNow
	case m.SealTo.IsUnknown() || holdsUnknownWord(m.SealTo):
		return sealsToOthers
	case slices.Equal(wordsOf(m.SealTo), wordsOf(state.SealTo)):
		return sameHandling
	case !m.sealed():
		return sealsNoMore
	case !state.sealed():
		return sealsNow
	default:
		return sealsToOthers
	}
}

// tellHandling says in the plan why the secret is made anew, where another
// place for its value is the reason.
func (m *secretModel) tellHandling(state *secretModel, what decision, diags *diag.Diagnostics) {
	agent := state.AgentID.ValueString()
	why := map[handling]string{
		sealsNow:      "seal_to is set: the new secret is in sealed_secret, for the recipients, and secret is null. The present one stays readable in older copies of the state, and works until its grace ends.",
		sealsToOthers: "seal_to has changed: sealed_secret is for the new recipients. Whoever could open the present one can use it until its grace ends.",
		sealsNoMore:   "seal_to is gone: the new secret is in the attribute secret, readable for whoever reads the state.",
		givenNow:      "secret_wo is set: it is the new secret, and secret and sealed_secret are null.",
		givenNoMore:   "secret_wo is gone: the provider makes the new secret, and keeps it in secret, or in sealed_secret if seal_to is set.",
	}[m.handled(state)]
	if m.SealTo.IsUnknown() && why != "" {
		why = "seal_to is known only after apply. If it comes to the same, nothing is rotated."
	}
	if why != "" {
		diags.AddWarning("The secret is rotated, because it is kept otherwise", "Agent "+agent+": "+why)
	}
	if state.valueUnknown() && m.given() && what == keepIt {
		diags.AddAttributeWarning(path.Root("secret_wo"), "The imported secret stays",
			"Agent "+agent+": an import rotates nothing, so secret_wo is taken for the value that the agent has, and is not sent. If it is another, change secret_wo_version in the next apply.")
	}
}
