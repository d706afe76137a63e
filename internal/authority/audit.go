package authority

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// MaxAuditPage is the most entries that AuditEvents gives at once.
const MaxAuditPage = 500

// CheckpointType is the typ of signed checkpoints. It is not that of access
// tokens, which the same key signs: neither passes for the other.
const CheckpointType = "agentcreds-audit-checkpoint+jws"

type (
	// AuditEntry is one entry of the audit.
	AuditEntry = audit.Entry
	// AuditEvent is what happened, before it is an entry.
	AuditEvent = audit.Event
	// AuditAction names what was done.
	AuditAction = audit.Action
	// AuditQuery asks for entries. A Limit of 0, or above MaxAuditPage, is
	// MaxAuditPage.
	AuditQuery = store.EntryQuery
)

// Checkpoint is what the audit is at a moment: the store and its last entry.
// Kept elsewhere, it finds a chain that was rewritten or cut off later.
type Checkpoint struct {
	StoreID string
	AuditEntry
	Heads []AuditEntry // of all chains, where there are several; AuditEntry is that of our own
}

// AuditEvents reads the entries that a query asks for, oldest first. A page
// that is not full is the last one.
func (a *Authority) AuditEvents(ctx context.Context, q AuditQuery) (found []AuditEntry, err error) {
	if q.Limit <= 0 || q.Limit > MaxAuditPage {
		q.Limit = MaxAuditPage
	}
	err = a.bare.View(ctx, func(r store.Reader) error {
		found, err = r.FindEntries(q)
		return err
	})
	return found, err
}

// Checkpoint is the head of the chain now. Before there is a store it is zero.
func (a *Authority) Checkpoint(ctx context.Context) (Checkpoint, error) {
	head := Checkpoint{StoreID: a.store.ID()}
	err := a.bare.View(ctx, func(r store.Reader) (err error) {
		if head.AuditEntry, err = r.LastEntry(); err != nil {
			return err
		}
		head.Heads, err = r.Heads()
		if len(head.Heads) < 2 {
			head.Heads = nil
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Checkpoint{StoreID: head.StoreID}, nil
	}
	return head, err
}

// SignCheckpoint signs the text of a checkpoint with the key that signs tokens
// now, as a JWS in its compact form (RFC 7515) that holds the text. The first
// key is made when there is none.
func (i *Issuer) SignCheckpoint(ctx context.Context, text []byte) (string, error) {
	return i.signAs(ctx, CheckpointType, text)
}

// signAs signs a text that is no access token, which its typ says.
func (i *Issuer) signAs(ctx context.Context, kind jose.ContentType, text []byte) (string, error) {
	k, err := i.signingKey(ctx)
	if err != nil {
		return "", err
	}
	private, err := i.unseal(ctx, k)
	if err != nil {
		return "", err
	}
	opts := (&jose.SignerOptions{}).WithType(kind).WithHeader("kid", k.ID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Alg), Key: private}, opts)
	if err != nil {
		return "", fmt.Errorf("use signing key %s: %w", k.ID, err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		return "", fmt.Errorf("sign a %s: %w", kind, err)
	}
	return signed.CompactSerialize()
}

// signingKey is the key that signs now.
func (i *Issuer) signingKey(ctx context.Context) (store.SigningKey, error) {
	if _, err := i.signer(ctx); err != nil { // makes the first one
		return store.SigningKey{}, err
	}
	keys, err := i.SigningKeys(ctx)
	for _, k := range keys {
		if k.Signing {
			return k.SigningKey, err
		}
	}
	if err == nil {
		err = errors.New("the signing key was revoked at this moment")
	}
	return store.SigningKey{}, err
}
