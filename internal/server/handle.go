package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// call is one request on its way through a handler, and what the handler says
// about the answer beside its body.
type call struct {
	*http.Request
	route     route
	profile   *Profile
	principal authority.Principal
	authority *authority.Authority // nil when the route needs no store
	query     url.Values
	want      selection // what of an agent the answer shows
	body      []byte
	base      string      // what locations begin with
	status    int         // of the answer
	header    http.Header // of the answer
}

// handler does what a route is for. The result is encoded; nil means no body.
type handler struct {
	takesBody bool
	run       func(*Server, *call) (any, error)
}

// reads makes a handler of a method that takes no body.
func reads(fn func(*Server, *call) (any, error)) handler {
	return handler{run: func(s *Server, c *call) (any, error) {
		if err := s.open(c); err != nil {
			return nil, err
		}
		return fn(s, c)
	}}
}

// takes makes a handler of a method that takes a JSON object. It is read
// before the store is opened: a body that nobody understands makes no store.
func takes[T any](fn func(*Server, *call, T) (any, error)) handler { return takesAs(decode, fn) }

// takesList is takes for a JSON array.
func takesList[T any](fn func(*Server, *call, []T) (any, error)) handler {
	return takesAs(decodeList, fn)
}

func takesAs[T any](decode func([]byte, any) error, fn func(*Server, *call, T) (any, error)) handler {
	return handler{takesBody: true, run: func(s *Server, c *call) (any, error) {
		var in T
		if err := decode(c.body, &in); err != nil {
			return nil, err
		}
		if err := s.open(c); err != nil {
			return nil, err
		}
		return fn(s, c, in)
	}}
}

// open gets the authority that the route needs.
func (s *Server) open(c *call) error {
	if c.route.store == noStore {
		return nil
	}
	a, err := s.cfg.Authority(c.Context(), c.route.store == create)
	c.authority = a
	return err
}

// need refuses a caller who lacks the scope.
func (c *call) need(scope string) error {
	if c.principal.May(scope) {
		return nil
	}
	return forbidden(scope)
}

// handle answers a request that has a route: who asks, may they, can the body
// be read, and then what the route is for.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, rt route) {
	c := &call{Request: r, route: rt, profile: &s.cfg.Profile, base: s.base(r), status: rt.status, header: w.Header()}
	body, err := s.run(w, c)
	if err != nil {
		s.refuse(w, r, s.wireError(c, s.denied(c, err)))
		return
	}
	s.answer(w, r, c.status, body)
}

func (s *Server) run(w http.ResponseWriter, c *call) (any, error) {
	if !c.route.Open {
		var err error
		if c.principal, err = s.cfg.Authorize(c.Request); err != nil {
			return nil, unauthorized(err)
		}
		if err := c.need(c.route.Scope); err != nil {
			return nil, err
		}
		if err := acceptable(c.Header.Values("Accept")); err != nil {
			return nil, err
		}
		if err := c.readQuery(); err != nil {
			return nil, err
		}
	}
	if c.route.handler.takesBody {
		if err := readable(c.Header); err != nil {
			return nil, err
		}
		limit := s.cfg.MaxBody
		if c.route.maxBody != 0 {
			limit = min(limit, c.route.maxBody)
		}
		var err error
		if c.body, err = io.ReadAll(http.MaxBytesReader(w, c.Body, limit)); err != nil {
			return nil, unread(err)
		}
	}
	return c.route.handler.run(s, c)
}

// base is what the locations in an answer begin with.
func (s *Server) base(r *http.Request) string {
	if s.cfg.BaseURL != "" {
		return strings.TrimSuffix(s.cfg.BaseURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// jsonTypes are what bodies may be labelled with.
var jsonTypes = []string{"application/json", api.MediaType}

// readable refuses a body that is not labelled as JSON, with WSO2's 406 and
// not with 415. It is the same below /api/server/v1: a client needs one rule,
// and our code for it says 406 as well.
func readable(h http.Header) error {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return notAcceptable("The content encoding %q is not supported for agent operations.", encoding)
	}
	given := h.Values("Content-Type")
	if len(given) == 0 || given[0] == "" {
		return notAcceptable("Content-Type is not present in the request header.")
	}
	kind, params, err := mime.ParseMediaType(given[0])
	if err != nil || len(given) > 1 || !slices.Contains(jsonTypes, kind) {
		return notAcceptable("%s is not supported for agent operations.", strings.Join(given, ", "))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return notAcceptable("The charset %q is not supported for agent operations: JSON is UTF-8.", charset)
	}
	return nil
}

// acceptable refuses a caller who does not take JSON. Preference values are
// not looked at.
func acceptable(accept []string) error {
	list := strings.Join(accept, ",")
	if strings.TrimSpace(list) == "" {
		return nil
	}
	for member := range strings.SplitSeq(list, ",") {
		kind, _, _ := strings.Cut(member, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		if kind == "*/*" || kind == "application/*" || slices.Contains(jsonTypes, kind) {
			return nil
		}
	}
	return notAcceptable("%s is not supported for agent operations.", list)
}

// unread says why a body could not be read.
func unread(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return bodyTooLarge(tooLarge.Limit)
	}
	return invalid(api.TypeInvalidSyntax, "The body could not be read to its end.")
}
