package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var queryTests = map[string]func(*testing.T, opener){
	"pages":                  pages,
	"pages keep their order": pagesKeepOrder,
	"conditions":             conditions,
	"conditions, every text": conditionsEveryText,
	"conditions, no text":    conditionsNoText,
	"several conditions":     severalConditions,
}

// ask returns the last digits of the ids of a page, and the total.
func ask(t *testing.T, s store.Store, q store.Query) (ids []string, total int) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		page, err := r.Agents(q)
		for _, a := range page.Agents {
			ids = append(ids, strings.TrimLeft(a.ID[24:], "0"))
		}
		total = page.Total
		return err
	})
	return ids, total
}

func pages(t *testing.T, open opener) {
	s := open()
	for _, n := range []int{5, 3, 4, 1, 2} { // the order of ids is not that of birth
		add(t, s, store.Agent{ID: id(n)})
	}
	for _, tt := range []struct {
		offset, limit int
		want          string
	}{
		{0, 2, "5 3"},
		{2, 2, "4 1"},
		{4, 2, "2"},
		{5, 2, ""},
		{1 << 40, 2, ""},
		{-7, 2, "5 3"},
		{0, 0, ""},
		{0, -1, ""},
		{3, 1 << 40, "1 2"},
	} {
		ids, total := ask(t, s, store.Query{Offset: tt.offset, Limit: tt.limit})
		if got := strings.Join(ids, " "); got != tt.want || total != 5 {
			t.Errorf("Agents(offset %d, limit %d) = %q of %d, want %q of 5", tt.offset, tt.limit, got, total, tt.want)
		}
	}
}

func pagesKeepOrder(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(3)}, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	update(t, s, func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(3), DisplayName: "changed"}) })
	update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(2)) }) // the newest
	add(t, s, store.Agent{ID: id(0)})
	update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(1)) }) // one in between
	add(t, s, store.Agent{ID: id(1)})
	ids, total := ask(t, s, store.Query{Limit: 10})
	if diff := cmp.Diff([]string{"3", "", "1"}, ids); diff != "" || total != 3 {
		t.Errorf("total %d, want 3 (-want +got):\n%s", total, diff)
	}
}

func conditions(t *testing.T, open opener) {
	s := open()
	add(t, s,
		store.Agent{ID: id(1), DisplayName: "Deploy Bot", Description: "Ships it", Owner: "Ann", ExternalID: "Team/Deploy"},
		store.Agent{ID: id(2), DisplayName: "deploy bot 2", Owner: "ann", Attributes: map[string]string{"Url": "https://Bots.example/2"}},
		store.Agent{ID: id(3), DisplayName: "ÄRGER", Owner: "bob", Attributes: map[string]string{"Url": "", "url": "lower"}},
		store.Agent{ID: id(4)},
	)
	url := store.Attribute + "Url"
	for _, tt := range []struct {
		field store.Field
		op    store.Op
		value string
		want  string
	}{
		{store.DisplayName, store.Equal, "dEPLOY bOT", "1"},
		{store.DisplayName, store.Equal, "deploy", ""},
		{store.DisplayName, store.Equal, "", ""},
		{store.DisplayName, store.Contains, "BOT", "1 2"},
		{store.DisplayName, store.Contains, "", "1 2 3"}, // who has one
		{store.DisplayName, store.StartsWith, "DEPLOY", "1 2"},
		{store.DisplayName, store.StartsWith, "bot", ""},
		{store.DisplayName, store.StartsWith, "", "1 2 3"},
		{store.DisplayName, store.StartsWith, "deploy bot 2 and more", ""},
		{store.DisplayName, store.EndsWith, "BOT", "1"},
		{store.DisplayName, store.EndsWith, "deploy", ""},
		{store.DisplayName, store.EndsWith, "", "1 2 3"},
		{store.DisplayName, store.EndsWith, "and a deploy bot 2", ""},
		{store.DisplayName, store.Equal, "Ärger", "3"}, // ASCII letters alone
		{store.DisplayName, store.Equal, "ärger", ""},
		{store.DisplayName, store.StartsWith, "Ä", "3"},
		{store.Description, store.Equal, "SHIPS IT", "1"},
		{store.Description, store.Contains, "s i", "1"},
		{store.Owner, store.Equal, "ANN", "1 2"},
		{store.Owner, store.EndsWith, "B", "3"},
		{store.ID, store.Equal, id(1), "1"},
		{store.ID, store.StartsWith, id(1)[:10], "1 2 3 4"},
		{store.ID, store.EndsWith, "2", "2"},
		{store.ID, store.Contains, "-8000-", "1 2 3 4"},
		{store.ExternalID, store.Equal, "Team/Deploy", "1"},
		{store.ExternalID, store.Equal, "team/deploy", ""},
		{store.ExternalID, store.Equal, "", ""},
		{store.ExternalID, store.Contains, "m/D", "1"},
		{store.ExternalID, store.Contains, "M/D", ""},
		{store.ExternalID, store.Contains, "", "1"},
		{store.ExternalID, store.StartsWith, "Team", "1"},
		{store.ExternalID, store.StartsWith, "team", ""},
		{store.ExternalID, store.EndsWith, "Deploy", "1"},
		{store.ExternalID, store.EndsWith, "deploy", ""},
		{url, store.Equal, "HTTPS://bots.EXAMPLE/2", "2"},
		{url, store.Contains, "bots", "2"},
		{url, store.Contains, "", "2"}, // one that is empty is not there
		{url, store.StartsWith, "https:", "2"},
		{url, store.EndsWith, "/2", "2"},
		{store.Attribute + "url", store.Equal, "LOWER", "3"}, // the name's case counts
		{store.Attribute + "URL", store.Contains, "", ""},
		{store.Attribute, store.Contains, "", ""},
		{"unknown", store.Contains, "", ""},
		{"", store.Contains, "", ""},
		{store.Owner, "gt", "a", ""},
	} {
		q := store.Query{Where: []store.Condition{{Field: tt.field, Op: tt.op, Value: tt.value}}, Limit: 10}
		ids, total := ask(t, s, q)
		if got := strings.Join(ids, " "); got != tt.want || total != len(ids) {
			t.Errorf("%s %s %q = %q of %d, want %q", tt.field, tt.op, tt.value, got, total, tt.want)
		}
	}
}

// conditionsEveryText looks, with every operator, for texts that mean
// something to SQL, LIKE, JSON or JSON paths, in values and in names of
// attributes. The second agent would be found if they did.
func conditionsEveryText(t *testing.T, open opener) {
	texts := []string{
		"%", "_", "a%b", "a_b", "'", "''", "' OR 1=1 --", `"`, `a"b`, `\`, `\%`, `\\`, "é", "日本語", "🔑",
		"a.b", "$", "$.x", "[0]", "#", "*", "?", "?1", "$value", "$column", ":x", "@x", ";", "\t", "\n", "a b", "null", "0", "[]", "{}",
	}
	s := open()
	decoy := strings.Repeat("aXb", 3)
	for i, text := range texts {
		add(t, s,
			store.Agent{ID: id(2*i + 1), ExternalID: "e" + text, DisplayName: text, Attributes: map[string]string{"n" + text: text}},
			store.Agent{ID: id(2*i + 2), DisplayName: decoy, Attributes: map[string]string{"n" + decoy: decoy}},
		)
	}
	for i, text := range texts {
		for _, q := range []store.Condition{
			{Field: store.DisplayName, Op: store.Equal, Value: text},
			{Field: store.ExternalID, Op: store.Equal, Value: "e" + text},
			{Field: store.Attribute + store.Field("n"+text), Op: store.Equal, Value: text},
			{Field: store.Attribute + store.Field("n"+text), Op: store.Contains, Value: text},
			{Field: store.Attribute + store.Field("n"+text), Op: store.StartsWith, Value: text},
			{Field: store.Attribute + store.Field("n"+text), Op: store.EndsWith, Value: text},
		} {
			ids, total := ask(t, s, store.Query{Where: []store.Condition{q}, Limit: 1000})
			if want := fmt.Sprint(2*i + 1); total != 1 || len(ids) != 1 || ids[0] != want {
				t.Errorf("%s %s %q = %v of %d, want %s", q.Field, q.Op, q.Value, ids, total, want)
			}
		}
		for op, holds := range map[store.Op]func(s, part string) bool{
			store.Contains: strings.Contains, store.StartsWith: strings.HasPrefix, store.EndsWith: strings.HasSuffix,
		} {
			var want []string
			for j, other := range texts {
				if holds(other, text) {
					want = append(want, fmt.Sprint(2*j+1))
				}
			}
			ids, _ := ask(t, s, store.Query{Where: []store.Condition{{Field: store.DisplayName, Op: op, Value: text}}, Limit: 1000})
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("displayName %s %q (-want +got):\n%s", op, text, diff)
			}
		}
	}
}

// conditionsNoText looks for what no record can have, and finds nothing.
func conditionsNoText(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1), DisplayName: "a", ExternalID: "a", Attributes: map[string]string{"a": "a"}})
	for _, text := range []string{"\x00", "a\x00", "\xff", "\xed\xa0\x80"} {
		for _, field := range []store.Field{store.ID, store.ExternalID, store.DisplayName, store.Attribute + "a", store.Attribute + store.Field(text)} {
			for _, op := range []store.Op{store.Equal, store.Contains, store.StartsWith, store.EndsWith} {
				q := store.Query{Where: []store.Condition{{Field: field, Op: op, Value: text}}, Limit: 10}
				if ids, total := ask(t, s, q); total != 0 || len(ids) != 0 {
					t.Errorf("%q %s %q = %v of %d, want none", field, op, text, ids, total)
				}
			}
		}
		view(t, s, func(r store.Reader) error {
			found, err := r.FindEntries(store.EntryQuery{Actor: text, Limit: 10})
			if len(found) > 0 {
				t.Errorf("%d entries of %q, want none", len(found), text)
			}
			return err
		})
	}
}

func severalConditions(t *testing.T, open opener) {
	s := open()
	for n := 1; n <= 20; n++ {
		add(t, s, store.Agent{
			ID: id(n), DisplayName: fmt.Sprintf("bot %d", n), Owner: []string{"ann", "bob"}[n%2],
			Attributes: map[string]string{"a": fmt.Sprint(n % 3), "b": "x"},
		})
	}
	q := store.Query{Offset: 1, Limit: 2, Where: []store.Condition{
		{Field: store.Attribute + "a", Op: store.Equal, Value: "1"},
		{Field: store.Owner, Op: store.Equal, Value: "ann"}, // even
		{Field: store.Attribute + "b", Op: store.StartsWith, Value: "X"},
		{Field: store.DisplayName, Op: store.Contains, Value: "bot"},
	}}
	ids, total := ask(t, s, q) // 4, 10, 16
	if got := strings.Join(ids, " "); got != "10 16" || total != 3 {
		t.Errorf("Agents = %q of %d, want \"10 16\" of 3", got, total)
	}
}
