//go:build unix

package journey_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// needles are secrets to look for, in every form in which they are likely to
// appear.
type needles struct {
	known  map[string]string    // value to name
	by     map[uint32][]pattern // the first four bytes of a form
	starts [1 << 16]bool        // the first two
}

// pattern is one form of one secret.
type pattern struct {
	text       []byte
	name, form string
}

func newNeedles() *needles {
	return &needles{known: map[string]string{}, by: map[uint32][]pattern{}}
}

// add takes a secret to look for from now on.
func (n *needles) add(name, value string) {
	if n.known[value] != "" || len(value) < 8 {
		return
	}
	n.known[value] = name
	seen := map[string]bool{}
	for form, texts := range forms(value) {
		for _, text := range texts {
			if len(text) < 8 || seen[text] {
				continue
			}
			seen[text] = true
			key := word([]byte(text))
			n.by[key] = append(n.by[key], pattern{[]byte(text), name, form})
			n.starts[uint16(key>>16)] = true
		}
	}
}

func word(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// forms are how a value may be written.
func forms(value string) map[string][]string {
	raw := []byte(value)
	each := func(format, between string) string {
		parts := make([]string, len(raw))
		for i, b := range raw {
			parts[i] = fmt.Sprintf(format, b)
		}
		return strings.Join(parts, between)
	}
	quoted, _ := json.Marshal(value) // a string always encodes
	out := map[string][]string{
		"raw":           {value},
		"hexadecimal":   {hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw))},
		"URL-escaped":   {url.QueryEscape(value), url.PathEscape(value), each("%%%02x", ""), each("%%%02X", "")},
		"JSON-escaped":  {strings.Trim(string(quoted), `"`), each(`\u%04x`, ""), each(`\u%04X`, "")},
		"list of bytes": {each("%d", " "), each("%d", ","), each("%d", ", ")},
	}
	// Base64 in the middle of something: what lies between the characters that
	// the neighbours have a part in.
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			text := enc.EncodeToString(append(make([]byte, shift), raw...))
			from := []int{0, 2, 3}[shift]
			to := len(text)
			if (shift+len(raw))%3 != 0 {
				to--
			}
			out["base64"] = append(out["base64"], text[from:to])
		}
	}
	return out
}

// find looks into data, and into what is compressed in it.
func (n *needles) find(data []byte) []string {
	found := map[string]bool{}
	n.search(data, "", 3, found)
	return slices.Sorted(maps.Keys(found))
}

func (n *needles) search(data []byte, where string, depth int, found map[string]bool) {
	for i := 0; i+4 <= len(data); i++ {
		if n.starts[uint16(data[i])<<8|uint16(data[i+1])] {
			for _, p := range n.by[word(data[i:])] {
				if bytes.HasPrefix(data[i:], p.text) {
					found[fmt.Sprintf("%s, %s%s", p.name, p.form, where)] = true
				}
			}
		}
		if data[i] == 0x1f && data[i+1] == 0x8b && data[i+2] == 8 && depth > 0 {
			n.search(inflate(data[i:]), where+", in gzip", depth-1, found)
		}
	}
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) && depth > 0 {
		for name, part := range unzip(data) {
			n.search(part, where+", in "+name+" of a zip", depth-1, found)
		}
	}
}

const maxInflated = 64 << 20

// inflate gives what can be inflated; what follows a member is no part of it.
func inflate(data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	r.Multistream(false)
	out, _ := io.ReadAll(io.LimitReader(r, maxInflated)) // a part is enough
	return out
}

// unzip gives the files of an archive; none when it is none.
func unzip(data []byte) map[string][]byte {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	out := map[string][]byte{}
	for _, f := range r.File {
		part, err := f.Open()
		if err != nil {
			continue
		}
		out[f.Name], _ = io.ReadAll(io.LimitReader(part, maxInflated))
		_ = part.Close()
	}
	return out
}

// allowed is data without the one place where a secret may be: the attribute
// secret of agentcreds_agent_secret, and the outputs that are called so, in
// states and plans. What is no JSON is returned as it is.
func allowed(data []byte) []byte {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return data
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(without(v)) != nil {
		return data
	}
	return out.Bytes()
}

// without removes the allowed places below a value.
func without(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = without(v[i])
		}
	case map[string]any:
		if v["type"] == "agentcreds_agent_secret" {
			strip(v)
		}
		for _, name := range []string{"outputs", "output_changes"} {
			if outputs, ok := v[name].(map[string]any); ok {
				if out, ok := outputs["secret"].(map[string]any); ok {
					for _, member := range []string{"value", "before", "after"} {
						delete(out, member)
					}
				}
			}
		}
		for k := range v {
			v[k] = without(v[k])
		}
	}
	return v
}

// strip removes the attribute from an object of a state or a plan.
func strip(object map[string]any) {
	drop := func(holder any, member string) {
		if m, ok := holder.(map[string]any); ok {
			if attributes, ok := m[member].(map[string]any); ok {
				delete(attributes, "secret")
			}
		}
	}
	drop(object, "values")
	for _, member := range []string{"before", "after"} {
		drop(object["change"], member)
	}
	if instances, ok := object["instances"].([]any); ok {
		for _, i := range instances {
			drop(i, "attributes")
		}
	}
}

// TestJourney_needles proves the search: what is planted is found.
func TestJourney_needles(t *testing.T) {
	const secret = `agcs_A-b.C_"quoted"&/+é`
	n := newNeedles()
	n.add("it", secret)
	noise := make([]byte, 100_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	if found := n.find(noise); found != nil {
		t.Errorf("found in noise: %v", found)
	}
	planted := map[string][]byte{}
	for form, texts := range forms(secret) {
		for i, text := range texts {
			planted[fmt.Sprintf("%s %d", form, i)] = []byte(text)
		}
	}
	for i, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 4 {
			text := enc.EncodeToString([]byte("\xff\xee\xdd\xff"[:before] + secret + "\xff and so on"))
			planted[fmt.Sprintf("base64 %d after %d bytes", i, before)] = []byte(text)
		}
	}
	planted["gzip"] = packed(t, []byte(secret))
	planted["gzip in gzip"] = packed(t, packed(t, []byte("… "+secret)))
	planted["zip"] = zipped(t, []byte(secret))
	planted["gzip in zip"] = zipped(t, packed(t, []byte(secret)))
	for name, data := range planted {
		if !strings.Contains(name, "zip") || strings.HasPrefix(name, "gzip in gzip") || name == "gzip" {
			data = slices.Concat(noise[:50_000], data, noise[50_000:])
		}
		if found := n.find(data); len(found) == 0 {
			t.Errorf("not found: %s", name)
		}
	}
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("tfplan")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestJourney_allowed: the attribute may hold the secret, its neighbours may
// not.
func TestJourney_allowed(t *testing.T) {
	const secret = "agcs_0123456789abcdef"
	n := newNeedles()
	n.add("it", secret)
	for _, tt := range []struct {
		name, text string
		found      bool
	}{
		{"state", `{"resources":[{"type":"agentcreds_agent_secret","instances":[{"attributes":{"secret":"` + secret + `"}}]}]}`, false},
		{"another attribute", `{"resources":[{"type":"agentcreds_agent_secret","instances":[{"attributes":{"hint":"` + secret + `"}}]}]}`, true},
		{"private", `{"resources":[{"type":"agentcreds_agent_secret","instances":[{"private":"` + base64.StdEncoding.EncodeToString([]byte(`{"s":"`+secret+`"}`)) + `"}]}]}`, true},
		{"another resource", `{"resources":[{"type":"agentcreds_agent","instances":[{"attributes":{"secret":"` + secret + `"}}]}]}`, true},
		{"output", `{"outputs":{"secret":{"value":"` + secret + `","sensitive":true}}}`, false},
		{"another output", `{"outputs":{"other":{"value":"` + secret + `"}}}`, true},
		{"shown state", `{"values":{"root_module":{"resources":[{"type":"agentcreds_agent_secret","values":{"secret":"` + secret + `"}}]}}}`, false},
		{"shown plan", `{"resource_changes":[{"type":"agentcreds_agent_secret","change":{"before":{"secret":"` + secret + `"},"after":{"secret":"x"}}}]}`, false},
		{"elsewhere in a plan", `{"resource_changes":[{"type":"agentcreds_agent_secret","change":{"after_unknown":{"secret":"` + secret + `"}}}]}`, true},
		{"no JSON", "secret = " + secret, true},
	} {
		if found := n.find(allowed([]byte(tt.text))); (len(found) > 0) != tt.found {
			t.Errorf("%s: found %v, want found %v", tt.name, found, tt.found)
		}
	}
}
