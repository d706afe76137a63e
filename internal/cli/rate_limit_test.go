package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestRateLimit: no more than so many in any minute, for each address; what was
// refused does not count, and Retry-After is exactly long enough.
func TestRateLimit(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	from := "203.0.113.1"
	h := limited(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), &rateLimit{
		most: 3, prefix: "/t/acme", address: func(*http.Request) string { return from }, now: func() time.Time { return now },
	})
	send := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Header().Get("Retry-After")
	}
	for i, tt := range []struct {
		after  time.Duration
		from   string
		path   string
		status int
		wait   string
	}{
		{0, "a", "/t/acme/scim2/Agents", 204, ""},
		{10 * time.Second, "a", "/oauth2/token", 204, ""},
		{0, "a", "/healthz", 204, ""},
		{0, "a", "/t/acme/api/server/v1/x", 204, ""},
		{0, "a", "/scim2/Agents", 429, "50"},
		{0, "b", "/scim2/Agents", 204, ""},
		{49500 * time.Millisecond, "a", "/scim2/Agents", 429, "1"},
		{500 * time.Millisecond, "a", "/scim2/Agents", 204, ""},
		{0, "a", "/scim2", 429, "10"},
		{0, "a", "/scim2x", 204, ""},
		{10 * time.Second, "a", "/scim2/Agents", 204, ""},
	} {
		now, from = now.Add(tt.after), tt.from
		if status, wait := send(tt.path); status != tt.status || wait != tt.wait {
			t.Errorf("%d: %s gets %d, Retry-After %q; want %d, %q", i, tt.path, status, wait, tt.status, tt.wait)
		}
	}
}
