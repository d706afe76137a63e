package provider_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAccCLI_replace: -replace, as somebody types it when a secret leaked.
func TestAccCLI_replace(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	c := newTerminal(t, p.config(pair(nil, attrs{"rotation_trigger": trigger("1")})))
	c.apply()
	before := c.state(secret1)
	if out := c.apply("-replace=" + secret1); !strings.Contains(out, "1 added, 0 changed, 1 destroyed") {
		t.Error(out)
	}
	now := c.state(secret1)
	if now.version() <= before.version() || now["secret"] == before["secret"] {
		t.Errorf("the version was %v and is %v", before["version"], now["version"])
	}
	p.expectLive(t, now.text("agent_id"), now.text("secret_id"))
	p.expectStatus(t, now.text("agent_id"), before.text("secret_id"), api.Revoked)
	c.clean()
	c.must("destroy", "-no-color", "-auto-approve")
	if n := p.hand(t).count(); n != 0 {
		t.Errorf("the destroy left %d agents", n)
	}
}

// TestAccCLI_workspaces: a store for each, as the guide says, and neither knows
// of the other.
func TestAccCLI_workspaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := func(workspace string) *place {
		return &place{args: attrs{"embedded_path": filepath.Join(dir, workspace+".db")}}
	}
	each := place{args: attrs{"embedded_path": expr(`"` + filepath.ToSlash(dir) + `/${terraform.workspace}.db"`)}}
	c := newTerminal(t, each.config(pair(attrs{"external_id": "team/bot"}, nil)))
	c.apply()
	one := c.state(bot)
	c.must("workspace", "new", "-no-color", "staging")
	c.apply()
	other := c.state(bot)
	if one["id"] == other["id"] || one["id"] == nil {
		t.Errorf("the agents are %v and %v", one["id"], other["id"])
	}
	c.clean()
	c.must("destroy", "-no-color", "-auto-approve")
	c.must("workspace", "select", "-no-color", "default")
	c.clean()
	if n, m := store("default").hand(t).count(), store("staging").hand(t).count(); n != 1 || m != 0 {
		t.Errorf("there are %d and %d agents", n, m)
	}
}

// TestAccCLI_savedPlan: a plan that is applied later does what it said, or
// nothing.
func TestAccCLI_savedPlan(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	config := func(n string) string { return p.config(pair(nil, attrs{"rotation_trigger": trigger(n)})) }
	c := newTerminal(t, config("1"))
	c.apply()
	before := c.state(secret1)
	c.write(config("2"))
	c.must("plan", "-no-color", "-out=later.tfplan")
	theirs := p.hand(t).rotate(before.text("agent_id"), before.text("secret_id")).SecretID
	out, err := c.run("apply", "-no-color", "later.tfplan")
	if err == nil || !strings.Contains(out, "Somebody changed it since it was last read") {
		t.Errorf("a stale plan was applied: %v\n%s", err, out)
	}
	if now := c.state(secret1); now["secret_id"] != before["secret_id"] {
		t.Errorf("the state has %v", now["secret_id"])
	}
	p.expectStatus(t, before.text("agent_id"), theirs, api.Active)

	c.must("plan", "-no-color", "-out=now.tfplan")
	c.must("apply", "-no-color", "now.tfplan")
	c.clean()
	now := c.state(secret1)
	p.expectLive(t, now.text("agent_id"), now.text("secret_id"), theirs)
}

// TestAccCLI_forget: removing a resource from the state, and importing it
// again, rotates nothing.
func TestAccCLI_forget(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	c := newTerminal(t, p.config(pair(nil, attrs{"rotation_trigger": trigger("1")})))
	c.apply()
	before := c.state(secret1)
	c.must("state", "rm", secret1)
	c.must("import", "-no-color", secret1, before.text("agent_id")+"/"+before.text("secret_id"))
	if out := c.apply(); !strings.Contains(out, "0 added, 1 changed, 0 destroyed") {
		t.Error(out)
	}
	now := c.state(secret1)
	if now["secret_id"] != before["secret_id"] || now["version"] != before["version"] || now["secret"] != nil {
		t.Errorf("after the import: %v %v", now["secret_id"], now["version"])
	}
	c.clean()
}
