package embedded_test

import (
	"path/filepath"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// BenchmarkRead compares one read through client, wire and server with the same
// read of the store: the price of the wire in the middle.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "agents.db")
	c := open(b, embedded.Config{Path: path})
	a := create(b, c)
	b.Run("client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Agent(b.Context(), a.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("authority", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), sqlite.Config{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		rules, err := authority.New(authority.Config{Store: s})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rules.Agent(b.Context(), a.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
