package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var recordTests = map[string]func(*testing.T, opener){
	"agent":                     agentComesBack,
	"secret":                    secretComesBack,
	"event":                     eventComesBack,
	"empty lists come back nil": emptyIsNil,
	"what is read is the caller's": func(t *testing.T, open opener) {
		s := open()
		want := store.Agent{ID: id(1), Attributes: map[string]string{"k": "v"}, Scopes: []string{"a", "b"}}
		add(t, s, want)
		got := read(t, s, id(1))
		got.Attributes["k"], got.Scopes[0] = "changed", "changed"
		if diff := cmp.Diff(want, read(t, s, id(1))); diff != "" {
			t.Errorf("after the caller changed what it had read (-want +got):\n%s", diff)
		}
	},
	"times come back in UTC": func(t *testing.T, open opener) {
		s := open()
		local := time.Date(2026, 2, 3, 4, 5, 6, 789_012_345, time.FixedZone("there", 5*60*60))
		add(t, s, store.Agent{ID: id(1), Created: local, Modified: time.Unix(0, 0)})
		a := read(t, s, id(1))
		if want := local.UTC().Truncate(time.Microsecond); a.Created != want {
			t.Errorf("Created = %v, want %v", a.Created, want)
		}
		if want := time.Unix(0, 0).UTC(); a.Modified != want { // which is not the zero time
			t.Errorf("Modified = %v, want %v", a.Modified, want)
		}
	},
}

// awkward is what every text must survive.
const awkward = `%_'"\é✓ [x] $1 ?1 {} -- /* ` + "\t\n"

// fill sets each field to a value of its own that depends on n, so that no
// field that is added later is forgotten.
func fill(t *testing.T, record any, n int) {
	t.Helper()
	v := reflect.ValueOf(record).Elem()
	for i := range v.NumField() {
		fillField(t, v.Type().Field(i), v.Field(i), n+i)
	}
}

func fillField(t *testing.T, field reflect.StructField, v reflect.Value, n int) {
	t.Helper()
	text := field.Name + awkward + time.Duration(n).String()
	switch v.Addr().Interface().(type) {
	case *time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 1, 0, 0, n, 123_456_000, time.UTC)))
		return
	case *[]string:
		v.Set(reflect.ValueOf([]string{text, text + "2"}))
		return
	case *map[string]string:
		v.Set(reflect.ValueOf(map[string]string{text: "v" + text, "empty": "", "": "without a name"}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(1<<53 + int64(n)) // a float would lose it
	default:
		t.Fatalf("storetest does not know how to fill %s, a %s: teach it", field.Name, v.Type())
	}
}

// variants returns records that differ from each other in every field: full
// ones, an empty one, and for each field one that has it alone.
func variants[T any](t *testing.T, keys func(*T)) []T {
	t.Helper()
	full, other, empty := new(T), new(T), new(T)
	fill(t, full, 1)
	fill(t, other, 1001)
	all := []T{*full, *other, *empty}
	for i := range reflect.TypeFor[T]().NumField() {
		one := new(T)
		v := reflect.ValueOf(one).Elem()
		fillField(t, v.Type().Field(i), v.Field(i), i)
		all = append(all, *one)
	}
	for i := range all {
		keys(&all[i])
	}
	return all
}

func agentComesBack(t *testing.T, open opener) {
	s := open()
	before := store.Agent{ID: id(1)}
	add(t, s, before, store.Agent{ID: id(2), DisplayName: "bystander"})
	for i, want := range variants(t, func(a *store.Agent) { a.ID = id(1) }) {
		if i%2 == 0 { // by Set, then by Add
			update(t, s, func(tx store.Tx) error { return tx.SetAgent(want) })
		} else {
			update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(1)) })
			add(t, s, want)
		}
		got := []store.Agent{read(t, s, id(1)), firstOf(t, s, id(1))}
		if want.ExternalID != "" {
			view(t, s, func(r store.Reader) error {
				a, err := r.AgentByExternalID(want.ExternalID)
				got = append(got, a)
				return err
			})
		}
		for _, got := range got {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("agent %d (-want +got):\n%s", i, diff)
			}
		}
	}
	if got := read(t, s, id(2)); got.DisplayName != "bystander" {
		t.Errorf("another agent was changed: %+v", got)
	}
}

// firstOf reads an agent by a query.
func firstOf(t *testing.T, s store.Store, id string) (a store.Agent) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		page, err := r.Agents(store.Query{Where: []store.Condition{{Field: store.ID, Op: store.Equal, Value: id}}, Limit: 1})
		if len(page.Agents) > 0 {
			a = page.Agents[0]
		}
		return err
	})
	return a
}

func secretComesBack(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	bystander := store.Secret{AgentID: id(2), ID: "s", Digest: "bystander"}
	update(t, s, func(tx store.Tx) error { return tx.AddSecret(bystander) })
	for i, want := range variants(t, func(s *store.Secret) { s.AgentID, s.ID = id(1), "s" }) {
		update(t, s, func(tx store.Tx) error {
			if i%2 == 1 || i == 0 {
				want.ID = id(100 + i)
				return tx.AddSecret(want)
			}
			want.ID = id(100 + i - 1)
			return tx.SetSecret(want)
		})
		view(t, s, func(r store.Reader) error {
			got, err := r.Secret(id(1), want.ID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("secret %d (-want +got):\n%s", i, diff)
			}
			return err
		})
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Secret(id(2), "s")
		if diff := cmp.Diff(bystander, got); diff != "" {
			t.Errorf("another agent's secret was changed (-want +got):\n%s", diff)
		}
		return err
	})
}

func eventComesBack(t *testing.T, open opener) {
	s := open()
	want := variants(t, func(*audit.Event) {})
	want = append(want, audit.Event{Detail: map[string]string{}}, audit.Event{Detail: map[string]string{"bad\xff": "\xff"}})
	odd := audit.Event{Actor: "\xff", AgentID: "a\x00b", Target: "\x00", Reason: "there is no \x00\xff", Detail: map[string]string{"a": "\x00"}}
	before := len(entries(t, s))
	if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return append(want, odd), nil }); err != nil {
		t.Fatal(err)
	}
	got := entries(t, s)[before:] // an empty or an invalid detail must not break the chain
	// What a caller says, and no record can have, has one form in every backend: an
	// audit moves from one to another as it is.
	odd = audit.Event{
		Actor: "\uFFFD", AgentID: "a\uFFFDb", Target: "\uFFFD", Reason: "there is no \uFFFD\uFFFD", Detail: map[string]string{"a": "\x00"}, Outcome: audit.Done,
	}
	if diff := cmp.Diff(odd, got[len(got)-1].Event); diff != "" {
		t.Errorf("an event with what is no text (-want +got):\n%s", diff)
	}
	got = got[:len(got)-1]
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, want := range want[:len(want)-2] {
		if want.Outcome == "" {
			want.Outcome = audit.Done
		}
		if diff := cmp.Diff(want, got[i].Event); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i, diff)
		}
	}
}

func emptyIsNil(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{
		ID: id(1), Attributes: map[string]string{},
		Scopes: []string{}, Audiences: []string{}, AuthMethods: []string{},
	})
	if diff := cmp.Diff(store.Agent{ID: id(1)}, read(t, s, id(1))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
