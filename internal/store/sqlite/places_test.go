package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2" //nolint:depguard // which agents are removed is no secret
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// TestPlaces: pages are found by what is remembered of them as they are by
// counting, whatever another handle adds and removes, and whatever is undone.
func TestPlaces(t *testing.T) {
	path := newPath(t)
	s, other := openWith(t, path, seams{}), openWith(t, path, seams{})
	made := 0
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	errUndone := errors.New("undone")
	change := func(at *Store, add int, remove []int, end error) {
		t.Helper()
		err := at.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			for n := range add {
				if err := tx.AddAgent(store.Agent{ID: id(made + n)}); err != nil {
					return nil, err
				}
			}
			for _, n := range remove {
				if err := tx.RemoveAgent(id(n)); err != nil && !errors.Is(err, store.ErrNotFound) {
					return nil, err
				}
			}
			return one, end
		})
		if !errors.Is(err, end) {
			t.Fatalf("Update = %v, want %v", err, end)
		}
		if end == nil {
			made += add
		}
	}
	check := func(what string) {
		t.Helper()
		offsets := []int{-1, 0, 1, 126, 127, 128, 129, 300, made - 1, made, made + 1, rand.N(made + 1), rand.N(made + 1)}
		pages := func(r store.Reader) (out []string) {
			for _, offset := range offsets {
				page, err := r.Agents(store.Query{Offset: offset, Limit: 3})
				if err != nil {
					t.Fatal(err)
				}
				var line strings.Builder
				fmt.Fprint(&line, page.Total, " from ", offset, ":")
				for _, a := range page.Agents {
					line.WriteString(" " + a.ID)
				}
				out = append(out, line.String())
			}
			return out
		}
		var got, want []string
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) { // where nothing is remembered
			want = pages(tx)
			return one, s.View(t.Context(), func(r store.Reader) error {
				got = pages(r)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: pages are\n%q, want\n%q", what, got, want)
		}
	}
	check("no agent")
	change(s, 700, nil, nil)
	check("700")
	change(other, 30, nil, nil)
	check("added by another")
	change(other, 0, []int{0, 128, 729}, nil)
	check("removed by another")
	change(s, 0, []int{5}, errUndone)
	check("undone")
	change(s, 0, []int{7}, nil)
	check("another removed then")
	for range 20 {
		at := []*Store{s, other}[rand.N(2)]
		var remove []int
		for range rand.N(3) {
			remove = append(remove, rand.N(made))
		}
		change(at, rand.N(150), remove, []error{nil, nil, errUndone}[rand.N(3)])
		check("at random")
	}
}
