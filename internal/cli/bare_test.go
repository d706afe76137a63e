package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// bareRow is how much a row of the bare server has: as much as an entry of the
// audit.
const bareRow = 330

// bareServer is the yardstick of the benchmarks: as little as a server can do
// that answers with a token by ES256, and has a row about it on disk before, in
// the same kind of database. It shares commits among whoever waits. It checks
// nobody, remembers nothing else, and keeps no rule. At bareAssertion it does what
// private_key_jwt adds: it verifies a signature by ES256, the same each time, and
// has a second row on disk; at bareNothing nothing but answer.
func bareServer() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bare:", err)
			os.Exit(1)
		}
	}
	db, err := sql.Open("sqlite", "file:"+os.Args[1]+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	fail(err)
	_, err = db.ExecContext(context.Background(), "CREATE TABLE row (seq INTEGER PRIMARY KEY, text BLOB)")
	fail(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	rows := make(chan bareWrite, 1024)
	go commitRows(db, rows)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	fmt.Fprintf(os.Stderr, `{"msg":"listening","url":"http://%s"}`+"\n", listener.Addr())
	shown := sha256.Sum256([]byte("assertion"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, shown[:])
	fail(err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := r.BasicAuth()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.URL.Path == bareNothing {
			return
		}
		write := bareWrite{rows: 1, done: make(chan error)}
		if r.URL.Path == bareAssertion {
			if write.rows = 2; !ecdsa.VerifyASN1(&key.PublicKey, shown[:], signature) {
				http.Error(w, "it is not good", http.StatusUnauthorized)
				return
			}
		}
		token, err := bareToken(key, id, r.Host)
		if err == nil {
			rows <- write
			err = <-write.done
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 600})
	})}
	fail(server.Serve(listener))
}

// bareAssertion is where the bare server answers as to private_key_jwt, and
// bareNothing where it answers and no more.
const (
	bareAssertion = "/assertion"
	bareNothing   = "/nothing"
)

// bareWrite is rows that somebody waits for.
type bareWrite struct {
	rows int
	done chan error
}

// bareToken is a token with the claims that ours have.
func bareToken(key *ecdsa.PrivateKey, id, host string) (string, error) {
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": "http://" + host, "sub": id, "client_id": id, "aud": "http://" + host, "jti": rand.Text(),
		"iat": now, "exp": now + 600, "aut": "AGENT", "agentcreds_epoch": 0, "agentcreds_credential": id,
	})
	if err != nil {
		return "", err
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"bare-key-of-the-yardstick-that-is-as-long","typ":"at+jwt"}`))
	text := head + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// commitRows inserts rows for each who waits, one transaction for all of them.
func commitRows(db *sql.DB, rows <-chan bareWrite) {
	ctx, text := context.Background(), strings.Repeat("x", bareRow)
	c, err := db.Conn(ctx)
	if err == nil {
		_, err = c.ExecContext(ctx, "PRAGMA busy_timeout = 10000")
	}
	var begin, insert, commit *sql.Stmt
	for stmt, query := range map[**sql.Stmt]string{&begin: "BEGIN IMMEDIATE", &insert: "INSERT INTO row (text) VALUES (?)", &commit: "COMMIT"} {
		if err == nil {
			*stmt, err = c.PrepareContext(ctx, query) //nolint:sqlclosecheck // they live as long as the process
		}
	}
	for first := range rows {
		group := []bareWrite{first}
		for more := true; more && len(group) < 64; {
			select {
			case next := <-rows:
				group = append(group, next)
			default:
				more = false
			}
		}
		exec := func(stmt *sql.Stmt, args ...any) {
			if err == nil {
				_, err = stmt.ExecContext(ctx, args...)
			}
		}
		exec(begin)
		for _, write := range group {
			for range write.rows {
				exec(insert, text)
			}
		}
		exec(commit)
		for _, write := range group {
			write.done <- err
		}
	}
}
