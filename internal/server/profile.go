package server

import (
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Profile is what differs between the products that a Server can be: which
// routes there are, which attributes an agent has, and what answers look like.
// Everything that they share knows nothing of it. The zero value is Reference.
type Profile struct {
	name string
	// routes are those there are.
	routes []route
	// attributes are what agents have, beside the further members of WSO2's
	// agent schema; lax ignores others in a POST and a PUT, and does not
	// refuse them.
	attributes []attribute
	lax        bool
	// maxCount is the largest page; credentials reports whether it can have
	// what there is of those in it.
	maxCount    int
	credentials bool
	// everyone reports whether there is a role that all agents have.
	everyone bool

	agent   func(*call, authority.Agent) api.Agent
	changed func(id string) string // path of the Location of an agent that was read or changed
	schemas func(base string) []api.Schema
	types   func(base string) api.List[api.ResourceType]
	config  func(*call, Config) api.ServerConfig
	// nowhere answers a path that leads nowhere; nil: by an error in the
	// dialect of the path.
	nowhere func(http.ResponseWriter, *http.Request) bool
}

// Name is how a profile is asked for.
func (p Profile) Name() string { return p.name }

// Reference is our own API, with everything in it.
func Reference() Profile {
	return Profile{
		name:        "reference",
		routes:      table(),
		attributes:  attributes,
		maxCount:    500,
		credentials: true,
		agent:       referenceAgent,
		// Unlike WSO2, which says Users in the header of GET, PUT and PATCH,
		// the location is the agent's.
		changed: api.PathAgent,
		schemas: schemaBodies,
		types:   referenceTypes,
		config:  referenceConfig,
	}
}

func referenceAgent(c *call, a authority.Agent) api.Agent {
	return agentBody(c, a, c.want.along)
}
