package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// This file is the one place of these tests that writes HCL.

// expr is an expression, as agentcreds_agent.bot.id.
type expr string

// block is a nested block, as lifecycle.
type block attrs

// config is the provider block of the place, with more after it.
func (p *place) config(blocks ...string) string {
	return "provider \"" + provider.TypeName + "\"" + body(p.args) + strings.Join(blocks, "")
}

// resourceBlock declares "<type>.<name>".
func resourceBlock(address string, args attrs) string { return labelled("resource", address, args) }

// dataBlock declares "<type>.<name>" of data.
func dataBlock(address string, args attrs) string { return labelled("data", address, args) }

func labelled(kind, address string, args attrs) string {
	ty, name, _ := strings.Cut(address, ".")
	return fmt.Sprintf("%s %q %q%s", kind, ty, name, body(args))
}

// importBlock imports by an id, or by an identity.
func importBlock(to string, by any) string {
	args := attrs{"to": expr(to)}
	if id, ok := by.(string); ok {
		args["id"] = id
	} else {
		args["identity"] = by
	}
	return "import" + body(args)
}

// needs is the block that names a provider that is not of HashiCorp.
func needs(source string) string {
	return "terraform" + body(attrs{"required_providers": block{provider.TypeName: attrs{"source": source}}})
}

func body(args attrs) string {
	var b strings.Builder
	b.WriteString(" {\n")
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if nested, ok := args[name].(block); ok {
			b.WriteString(name + body(attrs(nested)))
			continue
		}
		b.WriteString(name + " = " + render(args[name]) + "\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// render writes a value as an expression.
func render(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case expr:
		return string(v)
	case string:
		return strings.ReplaceAll(strconv.Quote(v), "${", "$${")
	case attrs:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+" = "+render(v[name]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, render(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// Addresses and expressions that most configurations have.
const (
	bot     = "agentcreds_agent.bot"
	botID   = expr("agentcreds_agent.bot.id")
	secret1 = "agentcreds_agent_secret.bot"
)

// pair is an agent and its secret.
func pair(agent, secret attrs) string {
	return resourceBlock(bot, attrs{"display_name": "bot"}.merge(agent)) + resourceBlock(secret1, attrs{"agent_id": botID}.merge(secret))
}
