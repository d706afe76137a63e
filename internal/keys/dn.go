package keys

import (
	"cmp"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// rdn is one part of a distinguished name: its attributes, sorted.
type rdn []attribute

type attribute struct {
	oid   string // dotted
	value []byte // of a string its UTF-8, of anything else its DER
}

// attributeTypes are the short names of RFC 4514 §3, and two that are as usual.
var attributeTypes = map[string]string{
	"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
	"STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
	"SERIALNUMBER": "2.5.4.5", "EMAILADDRESS": "1.2.840.113549.1.9.1",
}

var dotted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`) })

// parseDN reads the text of a name (RFC 4514 §3): the part that is most special
// comes first. It comes out as in a certificate, the other way round.
func parseDN(text string) ([]rdn, error) {
	if !utf8.ValidString(text) || len(text) > 4096 {
		return nil, fmt.Errorf("the distinguished name is not UTF-8, or longer than 4096 bytes")
	}
	var name []rdn
	part := rdn{}
	for rest := text; ; {
		var a attribute
		var end byte
		var err error
		if a, end, rest, err = parseAttribute(rest); err != nil {
			return nil, fmt.Errorf("the distinguished name %.200q: %w", text, err)
		}
		part = append(part, a)
		if end == '+' {
			continue
		}
		slices.SortFunc(part, compareAttributes)
		name = append(name, part)
		part = rdn{}
		if end == 0 {
			slices.Reverse(name)
			return name, nil
		}
	}
}

// parseAttribute reads up to the next "," or "+" that is not escaped: end is
// which, 0 at the end.
func parseAttribute(text string) (a attribute, end byte, rest string, err error) {
	kind, value, ok := strings.Cut(text, "=")
	if !ok {
		return a, 0, "", fmt.Errorf("%.40q has no \"=\"", text)
	}
	kind = strings.TrimSpace(kind)
	if a.oid = attributeTypes[strings.ToUpper(kind)]; a.oid == "" {
		if !dotted().MatchString(kind) {
			return a, 0, "", fmt.Errorf("the attribute %.40q is not known: write its object identifier", kind)
		}
		a.oid = kind
	}
	value = strings.TrimLeft(value, " ")
	var out []byte
	kept := 0 // so many bytes are no spaces at the end
	i := 0
	for ; i < len(value) && value[i] != ',' && value[i] != '+'; i++ {
		switch {
		case value[i] == '\\' && i+1 < len(value) && strings.IndexByte(` "#+,;<=>\`, value[i+1]) >= 0:
			i++
			out = append(out, value[i])
			kept = len(out)
		case value[i] == '\\' && i+2 < len(value):
			b, err := hex.DecodeString(value[i+1 : i+3])
			if err != nil {
				return a, 0, "", fmt.Errorf("%.10q is no escape", value[i:])
			}
			i += 2
			out = append(out, b[0])
			kept = len(out)
		case strings.IndexByte("\\\"<>;\x00", value[i]) >= 0:
			return a, 0, "", fmt.Errorf("%q must be escaped", value[i])
		default:
			out = append(out, value[i])
			if value[i] != ' ' {
				kept = len(out)
			}
		}
	}
	out = out[:kept]
	if i < len(value) {
		end, rest = value[i], value[i+1:]
	}
	switch {
	case strings.HasPrefix(value, "#"):
		a.value, err = hexValue(string(out[1:]))
	case len(out) == 0 || !utf8.Valid(out):
		err = fmt.Errorf("the value of %s is empty or not UTF-8", kind)
	default:
		a.value = out
	}
	return a, end, rest, err
}

// hexValue is a value by its DER (RFC 4514 §2.4).
func hexValue(text string) ([]byte, error) {
	der, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not hexadecimal", text)
	}
	var raw asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &raw); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%.40q is not DER", text)
	}
	return valueOf(raw), nil
}

// readDN reads the name of a certificate.
func readDN(der []byte) ([]rdn, error) {
	var seq []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: its subject is no name", ErrForm)
	}
	name := make([]rdn, len(seq))
	for i, raw := range seq {
		var set []struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		if rest, err := asn1.UnmarshalWithParams(raw.FullBytes, &set, "set"); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("%w: its subject is no name", ErrForm)
		}
		for _, a := range set {
			name[i] = append(name[i], attribute{a.Type.String(), valueOf(a.Value)})
		}
		slices.SortFunc(name[i], compareAttributes)
	}
	return name, nil
}

// valueOf is the text of the usual kinds of strings, and the DER of all else.
func valueOf(raw asn1.RawValue) []byte {
	if raw.Class == asn1.ClassUniversal {
		switch raw.Tag {
		case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String:
			return raw.Bytes
		}
	}
	return raw.FullBytes
}

func compareAttributes(a, b attribute) int {
	return cmp.Or(strings.Compare(a.oid, b.oid), strings.Compare(string(a.value), string(b.value)))
}
