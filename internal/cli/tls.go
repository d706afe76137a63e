package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// lookAgain is how often the files of a certificate are looked at.
	lookAgain = time.Second
	// devLife is how long a self-made certificate holds; each start makes one.
	devLife = 30 * 24 * time.Hour
)

// tlsConfig is nil for plain HTTP.
func tlsConfig(cfg serveConfig, log *slog.Logger) (*tls.Config, error) {
	asks := tls.NoClientCert
	if cfg.profile.keys {
		asks = tls.RequestClientCert // they are judged where the others who log in are
	}
	switch {
	case cfg.selfSigned:
		cert, err := selfSigned(beside(cfg.database) + ".tls-cert")
		if err != nil {
			return nil, hint(fmt.Errorf("make a certificate: %w", err), "use files with --tls-cert and --tls-key")
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: asks, Certificates: []tls.Certificate{cert}}, nil
	case cfg.tlsCert == "":
		return nil, nil
	}
	files := &certificate{cert: cfg.tlsCert, key: cfg.tlsKey, log: log}
	if err := files.load(); err != nil {
		return nil, hint(err, "--tls-cert names a file with the certificate and its chain in PEM, --tls-key one with its key")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: asks, GetCertificate: files.get}, nil
}

// certificate is one from files. When they change it is read again, and while
// the new ones cannot be used the old one stays.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]fileStamp
	looked  time.Time
}

// fileStamp tells whether a file is still the same.
type fileStamp struct {
	time time.Time
	size int64
}

func stampOf(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookAgain {
		return c.current, nil
	}
	c.looked = time.Now()
	if c.stamp == [2]fileStamp{stampOf(c.cert), stampOf(c.key)} {
		return c.current, nil
	}
	if err := c.load(); err != nil {
		c.log.Warn("the new certificate cannot be used: the old one stays", "error", err.Error())
		return c.current, nil
	}
	c.log.Info("the certificate was read again", "file", c.cert, "not_after", c.current.Leaf.NotAfter)
	return c.current, nil
}

// load reads the files. Their stamps are taken before: a change that comes in
// between is seen the next time.
func (c *certificate) load() error {
	stamp := [2]fileStamp{stampOf(c.cert), stampOf(c.key)}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("use the certificate in %s with the key in %s: %w", c.cert, c.key, err)
	}
	c.current, c.stamp = &pair, stamp
	return nil
}

// selfSigned makes a certificate for this machine alone. Its key lives in
// memory only; the certificate goes into a file, so that clients can trust it.
func selfSigned(path string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "agentcreds development"},
		NotBefore:    now.Add(-time.Minute), NotAfter: now.Add(devLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		// A client trusts it as its own authority, and for nothing else.
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := replaceFile(path, text); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// replaceFile puts a file in the place of another at once.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
