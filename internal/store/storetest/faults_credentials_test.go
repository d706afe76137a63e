package storetest_test

import (
	"context"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

func (b *bad) Credential(agentID string, kind store.Kind, id string) (store.Credential, error) {
	c, err := b.Tx.Credential(agentID, kind, id)
	if b.f.fault == "forgets a credential's subject" {
		c.Subject = nil
	}
	return c, err
}

func (b *bad) Credentials(agentIDs []string, kind store.Kind, now int64, dead int) (map[string][]store.Credential, error) {
	if b.f.fault == "forgets the dead" {
		dead = 0
	}
	all, err := b.Tx.Credentials(agentIDs, kind, now, dead)
	if b.f.fault == "one kind" && kind == store.CertificateKind {
		all, err = b.Tx.Credentials(agentIDs, store.KeyKind, now, dead)
	}
	return all, err
}

func (b *bad) AddCredential(c store.Credential) error { return b.write(b.Tx.AddCredential(c)) }

func (b *bad) SetRevocation(r store.Revocation) error {
	known, err := b.Revocations(0)
	same := func(k store.Revocation) bool { return k.CA == r.CA && k.Serial == r.Serial }
	if b.f.fault == "keeps the first revocation" && slices.ContainsFunc(known, same) {
		return err
	}
	return b.Tx.SetRevocation(r)
}

func (f *faulty) Count(ctx context.Context, name string, n int64) (int64, error) {
	count, err := f.Store.Count(ctx, name, n)
	if f.fault == "tells the count before" {
		count -= n
	}
	return count, err
}

func (b *bad) SetCAKey(k store.CAKey) error {
	if b.f.fault == "forgets the chain" {
		k.Chain = ""
	}
	return b.Tx.SetCAKey(k)
}

func (f *faulty) Touch(ctx context.Context, uses []store.Use) error {
	for i := range uses {
		if f.fault == "touches secrets" {
			uses[i].Kind = ""
		}
	}
	return f.Store.Touch(ctx, uses)
}
