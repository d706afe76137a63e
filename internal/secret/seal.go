package secret

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// SealKeyLen is the length of a seal key in bytes.
const SealKeyLen = chacha20poly1305.KeySize

// ErrSealed is what Open returns when the key, or the purpose, is not that of
// the seal, or the sealed bytes were altered.
var ErrSealed = errors.New("the seal does not open")

// SealKey wraps what a server must keep and use again: the private halves of
// signing and CA keys, never secrets of agents. Its zero value seals nothing.
type SealKey struct {
	aead  cipher.AEAD
	print string
}

// NewSealKey makes a SealKey of 32 random bytes.
func NewSealKey(raw []byte) (SealKey, error) {
	if len(raw) != SealKeyLen {
		return SealKey{}, fmt.Errorf("a seal key has %d bytes, not %d", SealKeyLen, len(raw))
	}
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return SealKey{}, fmt.Errorf("use the seal key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("agentcreds seal key v1"), raw...))
	return SealKey{aead: aead, print: hex.EncodeToString(sum[:16])}, nil
}

// Fingerprint tells keys apart and gives nothing of them away; "" for the zero
// value.
func (k SealKey) Fingerprint() string { return k.print }

// Seal encrypts with XChaCha20-Poly1305 under a random nonce, which comes
// first. Only the same purpose opens it again.
func (k SealKey) Seal(purpose string, plain []byte) []byte {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	_, _ = rand.Read(nonce)
	return k.aead.Seal(nonce, nonce, plain, []byte(purpose))
}

// Open decrypts what Seal made.
func (k SealKey) Open(purpose string, sealed []byte) ([]byte, error) {
	if k.aead == nil || len(sealed) < k.aead.NonceSize() {
		return nil, ErrSealed
	}
	n := k.aead.NonceSize()
	plain, err := k.aead.Open(nil, sealed[:n], sealed[n:], []byte(purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
