package server

import (
	"errors"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// healthy says that the process runs.
func (s *Server) healthy(*call) (any, error) { return text("ok\n"), nil }

// ready says whether the store answers, and takes changes. Anybody may ask, so nobody is told why
// it does not: that is in the log.
func (s *Server) ready(c *call) (any, error) {
	err := s.probe(c)
	if errors.Is(err, authority.ErrQuarantined) { // serve has told
		return nil, &api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeQuarantined, Message: "The store is quarantined."}
	}
	if err != nil {
		s.cfg.Logger.ErrorContext(c.Context(), "not ready", "error", err.Error())
		return nil, &api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, Message: "The store does not answer."}
	}
	if err := s.writable(c); err != nil {
		s.cfg.Logger.ErrorContext(c.Context(), "not ready", "error", err.Error())
		return nil, &api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeStorage, Message: "The store takes no changes."}
	}
	return text(s.cfg.Ready + "\n"), nil
}

func (s *Server) writable(c *call) error {
	a, err := s.cfg.Authority(c.Context(), false)
	if err != nil {
		return err
	}
	return a.Writable()
}

// probe reads from the store: an agent that cannot be.
func (s *Server) probe(c *call) error {
	a, err := s.cfg.Authority(c.Context(), false)
	if err != nil {
		return err
	}
	_, err = a.Agent(c.Context(), "")
	if refusal, ok := errors.AsType[*authority.Error](err); ok && refusal.Kind == authority.NoAgent {
		return nil
	}
	return err
}
