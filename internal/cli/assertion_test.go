package cli

import "testing"

// What an assertion names comes from the metadata of a server: another one must
// not have it made for itself.
func TestTokenPlace_audience(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://agents.example.com":              true,
		"https://agents.example.com/oauth2/token": true,
		"https://agents.example.com:8443":         false,
		"http://agents.example.com":               false,
		"https://other.example.com":               false,
		"":                                        false,
		"agents":                                  false,
	} {
		p := tokenPlace{"https://agents.example.com/oauth2/token", issuer, "https://agents.example.com"}
		if got, err := p.audience(); (err == nil) != good || good && got != issuer {
			t.Errorf("with the issuer %q: %q, %v", issuer, got, err)
		}
	}
}
