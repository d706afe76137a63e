package secret

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// EncryptStream encrypts what is written to it to age recipients, and writes that
// to out. Close ends it: without, nobody can open it.
func EncryptStream(out io.Writer, recipients []string) (io.WriteCloser, error) {
	to, err := parseRecipients(recipients)
	if err != nil {
		return nil, err
	}
	return age.Encrypt(out, to...)
}

// DecryptStream reads what EncryptStream wrote. The error, here or of a Read,
// wraps ErrNotForUs, or ErrDamaged for what was cut or altered: before it has seen
// the end, nobody may trust what was read.
func (i Identities) DecryptStream(in io.Reader) (io.Reader, error) {
	if len(i.list) == 0 {
		return nil, fmt.Errorf("%w: there are no identities", ErrNotForUs)
	}
	r, err := age.Decrypt(in, i.list...)
	if _, others := errors.AsType[*age.NoIdentityMatchError](err); others {
		return nil, ErrNotForUs
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it is no file of age, or its beginning was cut or altered", ErrDamaged)
	}
	return decrypting{r}, nil
}

// decrypting says of every error what it means.
type decrypting struct{ io.Reader }

func (d decrypting) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it was cut or altered, or cannot be read (%w)", ErrDamaged, err)
	}
	return n, err
}
