package row_test

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 7, 1, 12, 30, 0, 123000, time.UTC)

// kind is one kind of records: what TestColumns and TestValues need of it.
type kind struct {
	table   string
	columns string
	keys    int // how many of the values are none of the columns: whose it is
	read    func(row.Scan) (any, error)
	values  []any
	want    any
}

func kindOf[T any](table, columns string, keys int, read func(row.Scan) (T, error), values []any, want T) kind {
	return kind{table, columns, keys, func(scan row.Scan) (any, error) { return read(scan) }, values, want}
}

func kinds() []kind {
	agent := store.Agent{
		ID: "7f3", DisplayName: "n", Description: "d", Owner: "o", ExternalID: "x", Attributes: map[string]string{"Url": "u"},
		UserServing: true, Inactive: true, Locked: true, Scopes: []string{"a", "b"}, Audiences: []string{"c"}, AuthMethods: []string{"m"},
		OwnerToken: "t", RevokedAt: at, Epoch: 3, LastSecret: 4, Created: at.Add(1e9), Modified: at.Add(2e9),
	}
	secret := store.Secret{
		ID: "s", Digest: "d", Hint: "h", Creator: "c", Created: 1, Expires: 2, Retiring: true, Ends: 3,
		Revoked: at, FirstUsed: at.Add(1e9), LastUsed: at.Add(2e9),
	}
	credential := store.Credential{
		ID: "i", Creator: "c", Alg: "a", Public: "p", Thumbprint: "t", Source: "s", Certificate: "e", Fingerprint: "f", CA: "ca",
		Subject: map[string]string{"dn": "CN=x"}, NotBefore: 1, NotAfter: 2, Created: 3, Expires: 4, Retiring: true, Ends: 5,
		Revoked: at, FirstUsed: at.Add(1e9), LastUsed: at.Add(2e9),
	}
	role := store.Role{ID: "r", Name: "n", Scopes: []string{"a"}, Creator: "c", Created: at}
	client := store.Client{
		ID: "i", Name: "n", Scopes: []string{"a"}, Epoch: 2, Created: at, Creator: "c",
		Secrets: []store.ClientSecret{{ID: "s", Digest: "d", Created: 1}}, Keys: []store.ClientKey{{ID: "k", Public: "{}"}},
	}
	signing := store.SigningKey{ID: "k", Alg: "ES256", Public: "{}", Sealed: []byte{1}, Created: at, Signs: at.Add(1e9), Revoked: at.Add(2e9)}
	ca := store.CAKey{ID: "k", Certificate: "c", Chain: "h", Sealed: []byte{1}, Created: at, Retired: at.Add(1e9)}
	revocation := store.Revocation{CA: "c", Serial: "1f", Revoked: at, Expires: 7}
	return []kind{
		kindOf("agents", row.AgentColumns, 0, row.Agent, row.AgentValues(agent), agent),
		kindOf("agents", row.AgentColumns, 0, row.Agent, row.AgentValues(store.Agent{}), store.Agent{}),
		kindOf("secrets", row.SecretColumns, 1, row.Secret, row.SecretValues(secret), secret),
		kindOf("credentials", row.CredentialColumns, 2, row.Credential, row.CredentialValues(credential), credential),
		kindOf("roles", row.RoleColumns, 0, row.Role, row.RoleValues(role), role),
		kindOf("clients", row.ClientColumns, 0, row.Client, row.ClientValues(client), client),
		kindOf("clients", row.ClientColumns, 0, row.Client, row.ClientValues(store.Client{}), store.Client{}),
		kindOf("signing_keys", row.SigningKeyColumns, 0, row.SigningKey, row.SigningKeyValues(signing), signing),
		kindOf("signing_keys", row.SigningKeyColumns, 0, row.SigningKey, row.SigningKeyValues(store.SigningKey{}), store.SigningKey{}),
		kindOf("ca_keys", row.CAKeyColumns, 0, row.CAKey, row.CAKeyValues(ca), ca),
		kindOf("revocations", row.RevocationColumns, 0, row.Revocation, row.RevocationValues(revocation), revocation),
	}
}

// TestValues: a record comes back as it was kept.
func TestValues(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.table, func(t *testing.T) {
			got, err := k.read(given(k.values[k.keys:]))
			if diff := cmp.Diff(k.want, got); err != nil || diff != "" {
				t.Errorf("read %v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// TestColumns: what is read is all that a table has, so a copy of its rows is one
// of the records.
func TestColumns(t *testing.T) {
	for _, k := range append(kinds(), kind{table: "audit", columns: row.EntryColumns}) {
		i := slices.IndexFunc(store.Tables, func(t store.Table) bool { return t.Name == k.table })
		want := slices.DeleteFunc(slices.Clone(store.Tables[i].Columns), func(name string) bool {
			return name == "n" || name == "kind" || name == "agent" && k.table != "audit"
		})
		var got []string
		for name := range strings.SplitSeq(k.columns, ",") {
			got = append(got, strings.TrimPrefix(strings.TrimSpace(name), k.table+"."))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("columns of %s, -want +got:\n%s", k.table, diff)
		}
	}
}

// TestDamaged: what is no record of ours is told apart from what a database says.
func TestDamaged(t *testing.T) {
	for _, k := range kinds() {
		for i, v := range k.values[k.keys:] {
			text, isText := v.(string)
			if !isText || !strings.ContainsAny(text, "{[") || k.columns == row.SigningKeyColumns {
				continue
			}
			values := slices.Clone(k.values[k.keys:])
			values[i] = text[:len(text)-1]
			if _, err := k.read(given(values)); !errors.Is(err, row.ErrDamaged) {
				t.Errorf("%s with %q for %q = %v, want ErrDamaged", k.table, values[i], text, err)
			}
		}
	}
	entry := []any{int64(7), at.UnixMicro(), "a", "agent.create", "7f3", "", "done", "", "{", "", ""}
	if _, err := row.Entry(given(entry)); !errors.Is(err, row.ErrDamaged) || !strings.Contains(err.Error(), "entry 7") {
		t.Errorf("an entry with a cut detail = %v, want ErrDamaged and its number", err)
	}
}

// given is a row with those values, as a driver gives them.
func given(values []any) row.Scan {
	return func(dest ...any) error {
		if len(dest) != len(values) {
			return fmt.Errorf("%d columns for %d values", len(dest), len(values))
		}
		for i, to := range dest {
			if scanner, ok := to.(sql.Scanner); ok {
				if err := scanner.Scan(values[i]); err != nil {
					return err
				}
				continue
			}
			reflect.ValueOf(to).Elem().Set(reflect.ValueOf(values[i]))
		}
		return nil
	}
}
