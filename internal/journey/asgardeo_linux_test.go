package journey_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// asgardeoConfig has two agents with a secret each, and two more that are a
// pair. The first has a role. The server keeps no external id: it stands in the description.
const asgardeoConfig = header + `
variable "trigger" {
  type    = string
  default = "1"
}

variable "pair" {
  type    = string
  default = "1"
}

variable "role" {
  type = string
}

variable "active" {
  type    = string
  default = null
}

resource "agentcreds_agent" "bot" {
  count        = 4
  display_name = "Bot ${count.index}"
  external_id  = "crash/bot-${count.index}"
  on_existing  = "adopt"
}

resource "agentcreds_agent_secret" "bot" {
  count            = 2
  agent_id         = agentcreds_agent.bot[count.index].id
  rotation_trigger = { by = var.trigger }
}

resource "agentcreds_agent_role" "bot" {
  agent_id = agentcreds_agent.bot[0].id
  role_id  = var.role
}

resource "agentcreds_agent_pair" "bot" {
  blue_agent_id    = agentcreds_agent.bot[2].id
  green_agent_id   = agentcreds_agent.bot[3].id
  rotation_trigger = { by = var.pair }
  active           = var.active
}
`

// asgardeo is serve --profile asgardeo. Its limit of requests has a journey of
// its own: here each run would wait for it.
var asgardeo = house{
	name:   "asgardeo",
	config: asgardeoConfig,
	args:   []string{"--profile", "asgardeo", "--rate-limit", "0"},
	single: true,
	// Every agent is born with a secret. The green one of the pair, which is
	// idle first, gets one that nobody knows.
	scenarios: []scenario{
		{name: "create", verb: "apply", fresh: true, agents: 4, had: []int{2, 2, 2, 2}},
		{name: "rotate", verb: "apply", args: []string{"-var", "trigger=2"}, agents: 4, had: []int{3, 3, 2, 2}},
		{name: "rotate the pair", verb: "apply", args: []string{"-var", "pair=2"}, agents: 4, had: []int{2, 2, 2, 3}},
		{name: "go to the other side", verb: "apply", args: []string{"-var", "active=green"}, agents: 4, had: []int{2, 2, 2, 3}},
		// To destroy one sets a secret that nobody knows, and then another is
		// set. The re-run replaces what the first run did replace, too.
		{name: "replace", verb: "apply", agents: 4, had: []int{4, 4, 2, 2}, twice: true,
			args: []string{"-replace=agentcreds_agent_secret.bot[0]", "-replace=agentcreds_agent_secret.bot[1]"}},
		{name: "destroy", verb: "destroy"},
		{name: "read", verb: "apply", agents: 4, had: []int{2, 2, 2, 2}},
	},
}

// tfvars are what the configuration is told of its server: the role, which is
// made before the first run.
const tfvars = "terraform.tfvars"

// makeRole makes it, in the database of a workspace.
func (c *crash) makeRole(t *testing.T) {
	t.Helper()
	cmd := exec.Command(tools(t).provider, "role", "create", "--database", c.w.path(database), "--name", "reader", "--scope", "tickets:read") //nolint:gosec // the program that was just built
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	id, err := cmd.Output()
	if err != nil {
		t.Fatalf("make a role: %v", err)
	}
	c.w.write(tfvars, fmt.Sprintf("role = %q\n", strings.TrimSpace(string(id))))
}

// env is what makes the provider use the server at the URL.
func (h house) env(s *server, url string) []string {
	env := s.env(url)
	if h.single {
		env = append(env, "AGENTCREDS_REQUESTS_PER_MINUTE=60000")
	}
	return env
}

// secretID is how the state names a secret: of a server that keeps one for an
// agent, by when it was set.
func (h house) secretID(s secretInfo) string {
	if h.single {
		return strconv.FormatInt(s.CreatedAt, 10)
	}
	return s.SecretID
}

// knows reports whether the value in the state is the secret's.
func (h house) knows(s *server, have held) bool {
	s.t.Helper()
	if h.single {
		return s.lets(have.agentID, have.value)
	}
	return s.knows(have)
}
