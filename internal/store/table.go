package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// Table is a table that every backend with SQL has, under the same names. The
// values of a row are nil, int64 (times, numbers, and 0 and 1 for no and yes),
// string or []byte.
type Table struct {
	Name    string
	Columns []string
	Key     []string // the order of the rows, by number or byte by byte
}

// Tables are all of them; what a row refers to is in an earlier one.
var Tables = []Table{
	{"meta", []string{"name", "value"}, []string{"name"}},
	{"agents", []string{
		"n", "id", "external_id", "display_name", "description", "owner", "attributes", "user_serving", "inactive", "locked",
		"scopes", "audiences", "auth_methods", "owner_token", "revoked_at", "epoch", "last_secret", "created", "modified",
	}, []string{"n"}},
	{"secrets", []string{
		"agent", "id", "digest", "hint", "creator", "created", "expires", "retiring", "ends", "revoked", "first_used", "last_used",
	}, []string{"agent", "id"}},
	{"credentials", []string{
		"agent", "kind", "id", "creator", "alg", "public", "thumbprint", "source", "certificate", "fingerprint", "ca", "subject",
		"not_before", "not_after", "created", "expires", "retiring", "ends", "revoked", "first_used", "last_used",
	}, []string{"agent", "kind", "id"}},
	{"roles", []string{"n", "id", "display_name", "scopes", "creator", "created"}, []string{"n"}},
	{"members", []string{"agent", "role"}, []string{"agent", "role"}},
	{"clients", []string{"n", "id", "name", "scopes", "epoch", "secrets", "keys", "created", "creator"}, []string{"n"}},
	{"signing_keys", []string{"n", "id", "alg", "public", "sealed", "created", "signs", "revoked"}, []string{"n"}},
	{"ca_keys", []string{"n", "id", "certificate", "chain", "sealed", "created", "retired"}, []string{"n"}},
	{"revocations", []string{"n", "ca", "serial", "revoked", "expires"}, []string{"n"}},
	{"spent", []string{"key", "expires"}, []string{"key"}},
	{"counters", []string{"name", "n"}, []string{"name"}},
	{"audit", []string{
		"seq", "time", "actor", "action", "agent", "target", "outcome", "reason", "detail", "prev", "hash",
	}, []string{"seq"}},
}

// Source is a store that can be copied.
type Source interface {
	Store
	// Dump calls fn with a function that calls each with every row of a table but
	// the first skip ones, in the order of its key. All of it is one picture.
	Dump(ctx context.Context, fn func(rows func(t Table, skip int64, each func(row []any) error) error) error) error
}

// Sum is a hash over the rows of a table, and how many they are.
type Sum struct {
	Rows int64
	h    hash.Hash
}

// Add adds the next row.
func (s *Sum) Add(row []any) error {
	if s.h == nil {
		s.h = sha256.New()
	}
	s.Rows++
	for _, v := range row {
		var kind byte
		var text []byte
		switch v := v.(type) {
		case nil:
			kind = 'n'
		case int64:
			kind, text = 'i', binary.BigEndian.AppendUint64(nil, uint64(v)) //nolint:gosec // any bits will do
		case string:
			kind, text = 't', []byte(v)
		case []byte:
			kind, text = 'b', v
		default:
			return fmt.Errorf("a row has a %T", v)
		}
		_, _ = s.h.Write(binary.BigEndian.AppendUint64([]byte{kind}, uint64(len(text))))
		_, _ = s.h.Write(text)
	}
	return nil
}

// Hash is the hash in hexadecimal.
func (s *Sum) Hash() string {
	if s.h == nil {
		s.h = sha256.New()
	}
	return hex.EncodeToString(s.h.Sum(nil))
}
