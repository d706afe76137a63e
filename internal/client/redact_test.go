package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// echo are the ways in which a server may quote what it was sent.
var echo = map[string]func(text string) string{
	"scim": func(text string) string {
		out, _ := json.Marshal(api.ScimError{Schemas: []string{api.SchemaError}, Detail: text, Status: "400"})
		return string(out)
	},
	"ours": func(text string) string {
		out, _ := json.Marshal(api.ServerError{Code: "X", Message: "no", Description: text, TraceID: text})
		return string(out)
	},
	"html":        func(text string) string { return "<html><b>" + html.EscapeString(text) + "</b></html>" },
	"plain":       func(text string) string { return text },
	"split":       func(text string) string { return text[:len(text)-6] + "<b>" + text[len(text)-6:] },
	"controls":    func(text string) string { return text[:len(text)-6] + "\x00" + text[len(text)-6:] },
	"query":       func(text string) string { return "?password=" + url.QueryEscape(text) },
	"quoted JSON": func(text string) string { out, _ := json.Marshal(text); return `oops {"password":` + string(out) },
	"at the cut":  func(text string) string { return strings.Repeat("<p>", (16<<10)/3-3) + text },
}

// TestEcho: an error never shows what the call carried, however it comes back.
func TestEcho(t *testing.T) {
	ours := secret.Generate()
	for way, quote := range echo {
		for _, s := range []secret.Text{secret.New(value), ours} {
			f := reference(body(400, quote("refused: "+s.Reveal()), "X-Request-Id", s.Reveal()))
			c := f.over(t, func(cfg *client.Config) { cfg.Auth = client.Basic("admin", s) })
			patch, err := api.PasswordPatch(s)
			if err != nil {
				t.Fatal(err)
			}
			_, patched := c.PatchAgent(t.Context(), "a1", patch.Operations)
			object, _ := json.Marshal(map[string]string{"password": s.Reveal()})
			_, inObject := c.PatchAgent(t.Context(), "a1", []api.Operation{{Op: "replace", Value: object}})
			_, put := c.PutSecret(t.Context(), "a1", "s1", api.SecretRequest{SecretValue: s}, "")
			_, created := c.CreateAgent(t.Context(), api.Agent{Password: s})
			_, read := c.Agent(t.Context(), "a1") // only signed in with it
			for i, err := range []error{patched, inObject, put, created, read} {
				e, ok := errors.AsType[*api.Error](err)
				if !ok {
					t.Fatalf("%s: call %d = %v", way, i, err)
				}
				if text := fmt.Sprintf("%v %+v", err, *e); strings.Contains(text, s.Reveal()[2:9]) || strings.Contains(text, s.Reveal()[len(s.Reveal())-6:]) {
					t.Errorf("%s: call %d = %s", way, i, text)
				}
			}
		}
	}
}

// TestForeignSecrets: what looks like a secret is not shown, whoever's it is.
func TestForeignSecrets(t *testing.T) {
	for _, s := range []string{
		"agcs_abcDEF123", "agca_abcDEF123", "Bearer abcdefgh1234", "basic YWRtaW46cGFzcw==", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIi.c2ln",
		"-----BEGIN PRIVATE KEY-----\nabcdefgh1234\n-----END PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY----- abcdefgh1234",
		`"client_secret": "abcdefgh1234"`, "access_token=abcdefgh1234&x=1", "Password: abcdefgh1234", "http://me:abcdefgh1234@proxy:1",
	} {
		for name, script := range map[string]http.HandlerFunc{
			"status":  body(400, "sent "+s+" away"),
			"scim":    body(400, echo["scim"]("sent "+s+" away")),
			"no JSON": body(200, "x", "Content-Type", "text/plain; "+strings.ReplaceAll(s, "\n", " ")),
		} {
			_, err := reference(script).over(t).Agent(t.Context(), "a1")
			text := fmt.Sprint(err)
			for _, part := range []string{"abcDEF123", "abcdefgh1234", "YWRtaW46", "eyJzdWIi"} {
				if strings.Contains(text, part) {
					t.Errorf("%s with %q: %s", name, s, text)
				}
			}
		}
		broken := newClient(t, func(cfg *client.Config) {
			cfg.BaseURL, cfg.MaxRetries = "http://localhost", -1
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("saw " + s) })
		})
		if _, err := broken.Server(t.Context()); strings.Contains(fmt.Sprint(err), "1234") || strings.Contains(fmt.Sprint(err), "DEF123") {
			t.Errorf("transport with %q: %v", s, err)
		}
	}
}

// FuzzEcho states the law: whatever a server puts around a secret that it was
// sent, the error does not show it.
func FuzzEcho(f *testing.F) {
	for way := range echo {
		f.Add("before", []byte("0123456789abcdef"), "after", way)
	}
	f.Add("<b", []byte("&&&&&&&&####%%%%"), ">", "html")
	f.Add(`\`, []byte("!!!!!!!!!!!!!!!!"), `"`, "scim")
	const alphabet = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ!@#$%&*"
	f.Fuzz(func(t *testing.T, before string, seed []byte, after, way string) {
		quote, ok := echo[way]
		if !ok || len(seed) < 16 {
			t.Skip()
		}
		var chars []byte
		for _, b := range seed[:16] {
			chars = append(chars, alphabet[int(b)%len(alphabet)])
		}
		s := string(chars)
		c := reference(body(400, before+quote("12345"+s)+after)).inside(t)
		_, err := c.PutSecret(t.Context(), "a1", "s1", api.SecretRequest{SecretValue: secret.New(s)}, "")
		if err == nil || strings.Contains(err.Error(), s) {
			t.Errorf("error = %v shows %q", err, s)
		}
	})
}
