// Command peer is a token server of another make, for the benchmarks alone: Ory
// Fosite as its documentation puts it together, with its store in memory. It is
// kinder to it than a real server could be: nothing is durable, nothing is audited,
// and the secret is compared by SHA-256 instead of bcrypt. It takes one client, whose
// id and secret are its arguments.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "peer: error:", err)
		os.Exit(1)
	}
}

func run(id, secret string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	own := "http://" + listener.Addr().String()
	config := &fosite.Config{
		AccessTokenLifespan: 10 * time.Minute, AccessTokenIssuer: own, GlobalSecret: []byte(rand.Text() + rand.Text())[:32],
		ClientSecretsHasher: fast{},
	}
	digest, _ := fast{}.Hash(context.Background(), []byte(secret))
	store := storage.NewMemoryStore()
	store.Clients[id] = &fosite.DefaultClient{ID: id, Secret: digest, GrantTypes: []string{"client_credentials"}}
	private := func(context.Context) (any, error) { return key, nil }
	strategy := compose.NewOAuth2JWTStrategy(private, compose.NewOAuth2HMACStrategy(config), config)
	provider := compose.Compose(config, store, strategy, compose.OAuth2ClientCredentialsGrantFactory)
	fmt.Fprintf(os.Stderr, `{"msg":"listening","url":%q}`+"\n", own)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := &oauth2.JWTSession{JWTClaims: &jwt.JWTClaims{Issuer: own, Subject: id}, JWTHeader: &jwt.Headers{}}
		request, err := provider.NewAccessRequest(r.Context(), r, session)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		response, err := provider.NewAccessResponse(r.Context(), request)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		provider.WriteAccessResponse(r.Context(), w, request, response)
	})}
	return server.Serve(listener)
}

// fast compares secrets as ours are compared.
type fast struct{}

func (fast) Hash(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return sum[:], nil
}

func (f fast) Compare(ctx context.Context, hash, data []byte) error {
	sum, _ := f.Hash(ctx, data)
	if subtle.ConstantTimeCompare(sum, hash) != 1 {
		return errors.New("it is another secret")
	}
	return nil
}
