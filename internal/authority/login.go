package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Login is one attempt to log in and get a token.
type Login struct {
	ID     string      // of the agent, or of the management client
	Secret secret.Text // what it shows; zero with another method
	// Assertion is what it shows with private_key_jwt: a JWT that it signed.
	Assertion secret.Text
	// Certificates are those that it has connected with, its own first, in
	// DER: what it shows where there is neither a secret nor an assertion.
	Certificates [][]byte
	// Unfit says why what is shown is good for nobody, or that nothing is; "" for
	// what is to be looked at. The audit has it.
	Unfit   string
	Method  string // token_endpoint_auth_method (RFC 7591)
	Address string // where it comes from, for the audit and the throttle

	Scopes    []string // that are asked for
	Audiences []string // that are asked for; none: the default of who asks

	code   *code        // when an application logs an agent in; nil for who logs in itself
	action audit.Action // what it is for; "" means audit.TokenIssue
}

// subject is who may log in, as the store has it.
type subject struct {
	id       string
	agent    bool
	title    string // what people call it
	name     string // as the audit names it; "" when nobody has the id
	epoch    int64
	blocked  string // why it may not log in; "" when it may
	methods  []string
	scopes   []string
	audience []string // what it may ask for; the first is the default
	secrets  []digest
	// proofs are the keys and certificates of a management client, those that
	// have ended included. Those of an agent are looked for when it shows one.
	proofs []store.Credential
}

type digest struct {
	id      string
	digest  secret.Digest
	expires int64 // as store.Secret has it
}

func (d digest) live(now time.Time) bool { return d.expires == 0 || now.Unix() < d.expires }

// Login authenticates and gives a token. To whoever fails, an unknown id, a
// wrong secret and a blocked agent look and take the same: the error is an
// *Error of kind BadLogin, or Throttled, with its true reason in Message, which
// is for the audit and not for the answer. BadTarget and BadScope are told only
// to who has authenticated.
func (i *Issuer) Login(ctx context.Context, l Login) (Token, error) {
	start := time.Now()
	if t, ok := i.again(ctx, l); ok {
		return t, nil
	}
	s, p, err := i.authenticate(ctx, l, start)
	if err != nil {
		return Token{}, err
	}
	l.Method = p.methodOf(l)
	t, err := i.issue(ctx, s, p, l)
	if refusal, ok := asError(err); ok {
		return Token{}, i.fail(ctx, s, l, start, refusal)
	}
	return t, err
}

// Caller is who calls an endpoint that answers by who calls.
type Caller struct {
	ID     string
	Agent  bool
	Scopes []string
	// Audiences are those that the caller stands for: its id, and the name
	// of a management client.
	Audiences []string
}

// principal is the caller as the audit names it.
func (c Caller) principal() string {
	if c.Agent {
		return "agent:" + c.ID
	}
	return ClientPrincipal(c.ID)
}

// Authenticate finds out who calls by what it shows, and gives no token. It
// enters the audit as a login does, so a resource server that asks about tokens
// many times a second shows a token of its own (CallerByToken). It fails as
// Login does.
func (i *Issuer) Authenticate(ctx context.Context, l Login) (Caller, error) {
	start := time.Now()
	l.action = audit.LoginAccept
	s, p, err := i.authenticate(ctx, l, start)
	if err != nil {
		return Caller{}, err
	}
	l.Method = p.methodOf(l)
	ev := s.event(l.action, p, l)
	err = i.a.store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		if _, err := i.still(tx, s, p, l); err != nil {
			return nil, err
		}
		return []audit.Event{ev}, p.spend(tx)
	})
	if refusal, ok := asError(err); ok {
		return Caller{}, i.fail(ctx, s, l, start, refusal)
	}
	if err != nil {
		return Caller{}, err
	}
	i.used(s, p)
	return s.caller(s.scopes), nil
}

// event is what somebody did who logged in.
func (s subject) event(action audit.Action, p proof, l Login) audit.Event {
	ev := audit.Event{Actor: s.name, Action: action, Target: p.id, Detail: map[string]string{"method": p.methodOf(l), "address": l.Address}}
	if s.agent {
		ev.AgentID = s.id
	}
	return ev
}

func (s subject) caller(scopes []string) Caller {
	c := Caller{ID: s.id, Agent: s.agent, Scopes: scopes, Audiences: []string{s.id}}
	if !s.agent {
		c.Audiences = append(c.Audiences, s.title)
	}
	return c
}

// used notes that an agent used a credential.
func (i *Issuer) used(s subject, p proof) {
	if s.agent {
		i.uses.note(store.Use{AgentID: s.id, Kind: p.kind, SecretID: p.id, At: i.a.Now()})
	}
}

// slow reports whether it takes a slow digest to check the login.
func (l Login) slow() bool {
	return l.Unfit == "" && l.Assertion.IsZero() && !l.Secret.HasOurShape() && !l.byCertificate()
}

func (l Login) byCertificate() bool {
	return len(l.Certificates) > 0 && l.Secret.IsZero() && l.Assertion.IsZero()
}

func (i *Issuer) authenticate(ctx context.Context, l Login, start time.Time) (subject, proof, error) {
	if l.slow() {
		// This digest costs: whoever failed too often does not get one.
		if wait := i.failures.wait(keyOf(l.ID, l.Address)); wait > 0 {
			i.throttled.Add(1)
			hold(ctx, start, throttledStep)
			return subject{}, proof{}, tooMany(wait)
		}
	}
	var s subject
	err := i.a.store.View(ctx, func(r store.Reader) (err error) {
		s, err = i.read(r, l.ID)
		return err
	})
	if err != nil {
		return subject{}, proof{}, err
	}
	if s.agent && i.a.rules.AgentsByApp && l.action != audit.CodeIssue {
		s.blocked = "agents log in through an application"
	}
	p, err := i.verify(ctx, s, l)
	refusal, refused := asError(err)
	if err != nil && (!refused || refusal.Kind != BadLogin) {
		return subject{}, proof{}, err
	}
	if reason := s.refuses(l, p, refusal); reason != "" {
		l.Method = p.methodOf(l)
		return subject{}, proof{}, i.fail(ctx, s, l, start, &Error{Kind: BadLogin, Message: reason})
	}
	return s, p, nil
}

// read finds who has the id. An unknown one is a subject without secrets,
// which takes as much work to refuse as any other.
func (i *Issuer) read(r store.Reader, id string) (subject, error) {
	now := i.a.Now()
	agent, err := r.Agent(id)
	if err == nil {
		s := subject{
			id: id, agent: true, name: "agent:" + id, title: agent.DisplayName, epoch: agent.Epoch,
			methods: agent.AuthMethods, audience: append([]string{i.url}, agent.Audiences...),
		}
		if i.a.Blocked(agent) {
			s.blocked = "the agent is blocked"
		}
		if s.scopes, err = scopesOf(r, agent); err != nil {
			return subject{}, err
		}
		found, err := r.Secrets([]string{id}, now.Unix(), 0)
		for _, have := range found[id] {
			s.secrets = append(s.secrets, digest{have.ID, secret.Digest(have.Digest), have.Expires})
		}
		return s, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return subject{}, err
	}
	c, err := r.Client(id)
	if err == nil {
		s := subject{
			id: id, name: ClientPrincipal(id), title: c.Name, epoch: c.Epoch,
			scopes: c.Scopes, audience: []string{i.ManagementAudience()},
		}
		for _, have := range c.Secrets {
			if have.Live(now) {
				s.secrets = append(s.secrets, digest{have.ID, secret.Digest(have.Digest), have.Expires})
			}
		}
		for _, k := range c.Keys {
			s.proofs = append(s.proofs, store.Credential{
				Kind: k.Kind(), ID: k.ID, Alg: k.Alg, Public: k.Public, Fingerprint: k.Fingerprint, Subject: k.Subject, Created: k.Created, Expires: k.Expires,
			})
		}
		return s, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return subject{}, err
	}
	return subject{id: id}, nil
}

// verify finds what is shown among what the subject has. Of secrets all are
// compared, so that which one it is takes no time.
func (i *Issuer) verify(ctx context.Context, s subject, l Login) (proof, error) {
	if l.Unfit != "" {
		return proof{}, refuse(BadLogin, "%s", l.Unfit)
	}
	if !l.Assertion.IsZero() {
		return i.verifyAssertion(ctx, s, l)
	}
	if l.byCertificate() {
		return i.verifyCertificate(ctx, s, l)
	}
	known := make([]secret.Digest, len(s.secrets))
	for n, have := range s.secrets {
		known[n] = have.digest
	}
	at, err := i.a.match(ctx, shown{s.id, l.Secret, l.Address}, known)
	if err != nil || at < 0 {
		return proof{}, err
	}
	return proof{id: s.secrets[at].id}, nil
}

// has reports whether the credential is one of the live ones.
func (s subject) has(credential string) bool {
	return slices.ContainsFunc(s.secrets, func(d digest) bool { return d.id == credential })
}

// credentials are the keys or the certificates of a subject, newest first: all
// that are live, and of the dead ones as many as are asked for.
func (s subject) credentials(r store.Reader, kind store.Kind, now time.Time, dead int) ([]store.Credential, error) {
	if s.agent {
		found, err := r.Credentials([]string{s.id}, kind, now.Unix(), dead)
		return found[s.id], err
	}
	var out []store.Credential
	for _, c := range s.proofs {
		if c.Kind == kind && (dead > 0 || c.Live(now)) {
			out = append(out, c)
		}
	}
	return out, nil
}

// credential is one of them; store.ErrNotFound when there is none.
func (s subject) credential(r store.Reader, kind store.Kind, id string) (store.Credential, error) {
	if s.agent {
		return r.Credential(s.id, kind, id)
	}
	for _, c := range s.proofs {
		if c.Kind == kind && c.ID == id {
			return c, nil
		}
	}
	return store.Credential{}, store.ErrNotFound
}

// refuses says why the login fails, "" when it does not.
func (s subject) refuses(l Login, p proof, refusal *Error) string {
	switch {
	case s.name == "":
		return "nobody has this id"
	case refusal != nil:
		return refusal.Message
	case p.none():
		return "the secret is none of its live ones"
	case s.blocked != "":
		return s.blocked
	case len(s.methods) > 0 && !slices.Contains(s.methods, p.methodOf(l)):
		return "it may not use " + p.methodOf(l)
	}
	return ""
}
