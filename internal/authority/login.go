package authority

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Login is one attempt to log in and get a token.
type Login struct {
	ID      string      // of the agent, or of the management client
	Secret  secret.Text // what it shows
	Method  string      // token_endpoint_auth_method (RFC 7591)
	Address string      // where it comes from, for the audit and the throttle

	Scopes    []string // that are asked for
	Audiences []string // that are asked for; none: the issuer
}

// subject is who may log in, as the store has it.
type subject struct {
	id       string
	agent    bool
	name     string // as the audit names it
	epoch    int64
	blocked  string // why it may not log in; "" when it may
	methods  []string
	scopes   []string
	audience []string // what it may ask for; the first is the default
	secrets  []digest
}

type digest struct {
	id     string
	digest secret.Digest
}

// Login authenticates and gives a token. To whoever fails, an unknown id, a
// wrong secret and a blocked agent look and take the same: the error is an
// *Error of kind BadLogin, or Throttled, with its true reason in Message, which
// is for the audit and not for the answer.
func (i *Issuer) Login(ctx context.Context, l Login) (Token, error) {
	s, credential, err := i.authenticate(ctx, l)
	if err != nil {
		return Token{}, err
	}
	return i.issue(ctx, s, credential, l)
}

// Caller is who calls an endpoint that answers by who calls.
type Caller struct {
	ID     string
	Agent  bool
	Scopes []string
}

// Authenticate finds out who calls by its secret, and gives no token. It fails
// as Login does.
func (i *Issuer) Authenticate(ctx context.Context, l Login) (Caller, error) {
	s, _, err := i.authenticate(ctx, l)
	return Caller{ID: s.id, Agent: s.agent, Scopes: s.scopes}, err
}

func (i *Issuer) authenticate(ctx context.Context, l Login) (subject, string, error) {
	key := l.ID + " " + l.Address
	if !l.Secret.HasOurShape() {
		// This digest costs: whoever failed too often does not get one.
		if wait := i.failures.wait(key); wait > 0 {
			return subject{}, "", throttled(wait)
		}
	}
	s, err := i.subject(ctx, l.ID)
	if err != nil {
		return subject{}, "", err
	}
	credential, err := i.verify(ctx, s, l)
	if err != nil {
		return subject{}, "", err
	}
	if reason := s.refuses(l, credential); reason != "" {
		return subject{}, "", i.fail(ctx, s, l, key, reason)
	}
	return s, credential, nil
}

// subject finds who has the id. An unknown one is a subject without secrets,
// which takes as long to refuse as any other.
func (i *Issuer) subject(ctx context.Context, id string) (subject, error) {
	var s subject
	err := i.a.store.View(ctx, func(r store.Reader) (err error) {
		s, err = i.read(r, id)
		return err
	})
	return s, err
}

func (i *Issuer) read(r store.Reader, id string) (subject, error) {
	now := i.a.Now()
	agent, err := r.Agent(id)
	if err == nil {
		s := subject{
			id: id, agent: true, name: "agent:" + id, epoch: agent.Epoch, methods: agent.AuthMethods,
			scopes: agent.Scopes, audience: append([]string{i.url}, agent.Audiences...),
		}
		if agent.Blocked() {
			s.blocked = "the agent is blocked"
		}
		found, err := r.Secrets([]string{id}, now.Unix(), 0)
		for _, have := range found[id] {
			s.secrets = append(s.secrets, digest{have.ID, secret.Digest(have.Digest)})
		}
		return s, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return subject{}, err
	}
	c, err := r.Client(id)
	if err == nil {
		s := subject{id: id, name: ClientPrincipal(id), epoch: c.Epoch, scopes: c.Scopes, audience: []string{i.ManagementAudience()}}
		for _, have := range c.Secrets {
			if have.Live(now) {
				s.secrets = append(s.secrets, digest{have.ID, secret.Digest(have.Digest)})
			}
		}
		return s, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return subject{}, err
	}
	return subject{id: id}, nil
}

// verify finds the secret that is shown: its id, "" when there is none. All
// that a subject has are compared, so that which one it is takes no time.
func (i *Issuer) verify(ctx context.Context, s subject, l Login) (string, error) {
	known := make([]secret.Digest, len(s.secrets))
	for n, have := range s.secrets {
		known[n] = have.digest
	}
	at, err := i.a.match(ctx, s.id, l.Secret, known)
	if err != nil || at < 0 {
		return "", err
	}
	return s.secrets[at].id, nil
}

// refuses says why the login fails, "" when it does not.
func (s subject) refuses(l Login, credential string) string {
	switch {
	case s.name == "":
		return "nobody has this id"
	case credential == "":
		return "the secret is none of its live ones"
	case s.blocked != "":
		return s.blocked
	case len(s.methods) > 0 && !slices.Contains(s.methods, l.Method):
		return "it may not use " + l.Method
	}
	return ""
}

// fail enters a failed login: into the audit, when somebody has the id and the
// failures are not too many; those are counted only, lest anybody fills the
// disk.
func (i *Issuer) fail(ctx context.Context, s subject, l Login, key, reason string) error {
	if wait := i.failures.fail(key); wait > 0 {
		return throttled(wait)
	}
	if s.name != "" {
		ev := audit.Event{
			Actor: s.name, Action: audit.TokenIssue, Outcome: audit.Refused, Reason: reason,
			Detail: map[string]string{"method": l.Method, "address": l.Address},
		}
		if s.agent {
			ev.AgentID = s.id
		}
		if err := i.a.note(ctx, ev); err != nil {
			return err
		}
	}
	return refuse(BadLogin, "%s", reason)
}

// throttled is the refusal of who failed too often.
func throttled(wait time.Duration) error {
	return &Error{Kind: Throttled, Message: "too many failures", RetryAfter: wait}
}

// grant is what the token gives: of the scopes that were asked for those that
// the subject has, and audiences that it may have.
func (s subject) grant(l Login) (scope string, audiences []string, err error) {
	var scopes []string
	for _, asked := range l.Scopes {
		if (slices.Contains(s.scopes, asked) || slices.Contains(s.scopes, AllScopes)) && !slices.Contains(scopes, asked) &&
			(!s.agent || !strings.HasPrefix(asked, managementPrefix)) {
			scopes = append(scopes, asked)
		}
	}
	audiences = slices.Clone(l.Audiences)
	if len(audiences) == 0 {
		audiences = s.audience[:1]
	}
	for _, asked := range audiences {
		if !slices.Contains(s.audience, asked) {
			return "", nil, refuse(BadTarget, "%q is not an audience that it may ask for.", asked)
		}
	}
	return strings.Join(scopes, " "), audiences, nil
}

// managementPrefix starts the scopes of the management API, which agents never
// get.
const managementPrefix = "internal_"
