package keys

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzFlat: whatever is read in the short way is read so in the long one, which
// refuses what two readers could understand differently.
func FuzzFlat(f *testing.F) {
	for _, text := range []string{
		`{"alg":"ES256","kid":"k1"}`, ` { "iss" : "a" , "aud" : [ "x" , "y" ] , "exp" : 1755000000 , "ok" : true , "no":false,"nil":null } `,
		`{}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":1}x`, `{"a":01}`, `{"a":1.5}`, `{"a":-1}`, `{"a":0}`, `{"a":1e3}`, `{"a":{}}`,
		`{"a":[1]}`, `{"a":[]}`, `{"a":["x",]}`, `{"a":"\u0061"}`, "{\"a\":\"\x00\"}", "{\"a\":\"\xff\"}", `{"a" "b"}`, `{"a":tru}`, `{,}`, `{"a":1,}`, `[]`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		short, ok := flat(text)
		if !ok {
			return
		}
		long, err := object(text)
		if err != nil || len(long) != len(short) {
			t.Fatalf("%q: %v, %d members and %d", text, err, len(short), len(long))
		}
		for name, value := range short {
			if !bytes.Equal(value, long[name]) {
				t.Errorf("%q: the member %q is %s, and %s", text, name, value, long[name])
			}
		}
	})
}

// What clients send is read in the short way.
func TestFlat(t *testing.T) {
	for text, want := range map[string]bool{
		`{"alg":"ES256","kid":"k1","typ":"JWT"}`:                                              true,
		`{"iss":"a","sub":"a","aud":"https://x","exp":1755000000,"iat":1755000000,"jti":"b"}`: true,
		"{\n  \"aud\": [\"https://x\"],\n  \"nbf\": 1755000000\n}":                            true,
		`{"a":1,"a":2}`: false,
		`{"a":1}{}`:     false,
		`{"a":1.5}`:     false,
	} {
		members, ok := flat([]byte(text))
		if ok != want {
			t.Errorf("flat(%s) = %v, want %v", text, ok, want)
		}
		var same map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &same); ok && (err != nil || len(same) != len(members)) {
			t.Errorf("flat(%s) has %d members, want %d", text, len(members), len(same))
		}
	}
}
