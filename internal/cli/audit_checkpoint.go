package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// keptCheckpoint is a checkpoint that was kept in a file, and the keys that its
// signature is checked with.
type keptCheckpoint struct {
	file, keys string
	set        *jose.JSONWebKeySet // what is in keys, once it was read
}

func (k *keptCheckpoint) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.file, "checkpoint", "", "`file` with a checkpoint that audit checkpoint printed")
	c.Flags().StringVar(&k.keys, "jwks", "", "`file` with the keys of the server, from /oauth2/jwks, kept with the\ncheckpoint: its signature, and those in an audit log, must be by one of them")
}

// sum is a hash of the chain.
var sum = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

// read reads the checkpoint; without a file it is zero. The keys may also be for
// what else has checkpoints.
func (k *keptCheckpoint) read(others bool) (cp api.AuditCheckpoint, err error) {
	if k.file == "" {
		if k.keys != "" && !others {
			return cp, usage(errors.New("--jwks goes only with --checkpoint or --file"))
		}
		return cp, nil
	}
	text, err := os.ReadFile(k.file)
	if err == nil {
		err = json.Unmarshal(text, &cp)
	}
	if err == nil && (cp.Seq < 1 || !sum().MatchString(cp.Hash)) {
		err = errors.New("it has no seq and hash of an entry")
	}
	if err == nil && k.keys != "" {
		err = k.signed(cp)
	}
	if err != nil {
		return cp, hint(fmt.Errorf("use the checkpoint %s: %w", k.file, err), "audit checkpoint prints one")
	}
	return cp, nil
}

// signed checks that the signature is by one of the keys, and of nothing else
// than what the checkpoint says.
func (k *keptCheckpoint) signed(cp api.AuditCheckpoint) error {
	if err := k.readKeys(); err != nil {
		return err
	}
	var algs []jose.SignatureAlgorithm
	for _, alg := range authority.Algorithms {
		algs = append(algs, jose.SignatureAlgorithm(alg))
	}
	jws, err := jose.ParseSignedCompact(cp.Signature, algs)
	if err != nil {
		return errors.New("it is not signed")
	}
	header := jws.Signatures[0].Protected
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != authority.CheckpointType {
		return errors.New("its signature is not one of a checkpoint")
	}
	named := k.set.Key(header.KeyID)
	if len(named) != 1 {
		return fmt.Errorf("the key %s that signed it is not in %s", plain(header.KeyID), k.keys)
	}
	payload, err := jws.Verify(named[0])
	if err != nil {
		return errors.New("its signature is wrong")
	}
	var inside api.AuditCheckpoint
	if err := json.Unmarshal(payload, &inside); err != nil {
		return fmt.Errorf("read what was signed: %w", err)
	}
	if inside.StoreID != cp.StoreID || inside.Seq != cp.Seq || inside.Hash != cp.Hash || !inside.Time.Equal(cp.Time) || !sameHeads(inside.Heads, cp.Heads) {
		return errors.New("it says something else than what was signed")
	}
	return nil
}

func sameHeads(a, b []api.AuditHead) bool {
	return slices.EqualFunc(a, b, func(a, b api.AuditHead) bool {
		return a.Seq == b.Seq && a.Hash == b.Hash && a.Time.Equal(b.Time)
	})
}

func (k *keptCheckpoint) readKeys() error {
	if k.set != nil {
		return nil
	}
	text, err := os.ReadFile(k.keys)
	if err != nil {
		return err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("read the keys in %s: %w", k.keys, err)
	}
	k.set = &set
	return nil
}
