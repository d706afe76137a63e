package provider

import (
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// fileForm starts a seal_identity that names a file. Anything else is taken for
// the identity itself, and shown nowhere: it may be one with a typing error.
const fileForm = "file:"

// errNoIdentity, errLateIdentity: there is nothing to open envelopes with.
var (
	errNoIdentity   = errors.New("the provider has no seal_identity")
	errLateIdentity = errors.New("seal_identity is known only after apply")
)

// sealIdentity is what the provider was given to open envelopes with. It is
// looked at when an envelope is to be opened, and not before.
type sealIdentity struct {
	source secret.Text
	late   bool
	once   sync.Once
	keys   secret.Identities
	err    error
}

func (m providerModel) identity() *sealIdentity {
	return &sealIdentity{source: secret.New(text(m.SealIdentity, envIdentity)), late: m.SealIdentity.IsUnknown()}
}

// open reads the identities, once.
func (i *sealIdentity) open() (secret.Identities, error) {
	i.once.Do(func() { i.keys, i.err = i.read() })
	return i.keys, i.err
}

func (i *sealIdentity) read() (secret.Identities, error) {
	switch {
	case i.late:
		return secret.Identities{}, errLateIdentity
	case i.source.IsZero():
		return secret.Identities{}, errNoIdentity
	}
	keys := i.source
	if name, ok := strings.CutPrefix(i.source.Reveal(), fileForm); ok {
		var err error
		if keys, err = secret.ReadFile(name); err != nil {
			return secret.Identities{}, unreadable(name, err)
		}
	}
	return secret.ParseIdentities(keys)
}

// unreadable names the file, and what is wrong with it.
func unreadable(name string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return &fs.PathError{Op: "read", Path: name, Err: err}
}
