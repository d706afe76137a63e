package api_test

import (
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func TestMarker(t *testing.T) {
	for _, tt := range []struct{ description, id, text string }{
		{"", "team/bot", "external_id=team/bot"},
		{"Answers mail", "team/bot", "Answers mail | external_id=team/bot"},
		{"Answers mail", "", "Answers mail"},
		{"a | external_id=x", "y", "a | external_id=x | external_id=y"},
		{"external_id=x", "y", "external_id=x | external_id=y"},
		{"", "a | b = c", "external_id=a | b = c"},
	} {
		text, err := api.Mark(tt.description, tt.id)
		if err != nil || text != tt.text || !strings.Contains(text, api.Marker(tt.id)) && tt.id != "" {
			t.Errorf("Mark(%q, %q) = %q, %v", tt.description, tt.id, text, err)
		}
		if description, id := api.Unmark(text); description != tt.description || id != tt.id {
			t.Errorf("Unmark(%q) = %q, %q", text, description, id)
		}
	}
	for _, tt := range [][2]string{{strings.Repeat("x", 1010), "bot"}, {"x", "a | external_id=b"}, {" x", "b"}, {"x", "b "}} {
		if text, err := api.Mark(tt[0], tt[1]); err == nil {
			t.Errorf("Mark(%q, %q) = %q", tt[0], tt[1], text)
		}
	}
}

// FuzzMarker: what was joined comes apart as it was.
func FuzzMarker(f *testing.F) {
	f.Add("Answers mail", "team/bot")
	f.Add("external_id=", "x")
	f.Fuzz(func(t *testing.T, description, id string) {
		text, err := api.Mark(description, id)
		if err != nil || id == "" {
			return
		}
		if d, i := api.Unmark(text); d != description || i != id {
			t.Errorf("Mark(%q, %q) = %q comes apart as %q, %q", description, id, text, d, i)
		}
	})
}
