package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is the word of a fault.
type kind string

const (
	delay       kind = "delay"
	tooMany     kind = "429"
	unavailable kind = "503"
	badGateway  kind = "502"
	reset       kind = "reset"
	failLate    kind = "500-after-commit"
	gatewayLate kind = "502-after-commit"
	lostLate    kind = "lost-after-commit"
	resetLate   kind = "reset-after-commit"
	cut         kind = "cut"
	slow        kind = "slow"
)

// kinds is the language of faults, in the order in which people are told.
var kinds = []struct {
	kind       kind
	form, does string
	parse      func(*Rule, []string) error
}{
	{delay, "delay TIME or TIME-TIME", "handles the request that much later, as in 2s or 0-50ms", (*Rule).parseDelay},
	{tooMany, "429 [retry-after TIME]", "refuses it, with Retry-After (1s)", (*Rule).parseRetry},
	{unavailable, "503 [retry-after TIME]", "refuses it; without a time there is no Retry-After", (*Rule).parseRetry},
	{badGateway, "502", "answers instead of it with the HTML page of a gateway", nothing},
	{reset, "reset", "resets the connection instead of handling it", nothing},
	{failLate, "500-after-commit", "handles it, and answers 500", nothing},
	{gatewayLate, "502-after-commit", "handles it, and a gateway answers with an HTML page", nothing},
	{lostLate, "lost-after-commit", "handles it, and closes the connection without an answer", nothing},
	{resetLate, "reset-after-commit", "handles it, and resets the connection", nothing},
	{cut, "cut N|headers|half|last", "handles it, and cuts the answer off: after N bytes of it, after its\nheaders, in the middle of its body, before its last byte", (*Rule).parseCut},
	{slow, "slow TIME", "handles it, and takes so long to send the body of the answer", (*Rule).parseSlow},
}

// Help tells the language, a line for each word.
func Help() string {
	var b strings.Builder
	line := func(form, does string) {
		fmt.Fprintf(&b, "  %-26s %s\n", form, strings.ReplaceAll(does, "\n", "\n"+strings.Repeat(" ", 29)))
	}
	for _, k := range kinds {
		line(k.form, k.does)
	}
	b.WriteString("\nConditions, of the requests that have the METHOD (or some: PUT|PATCH) and the PATH\n(* is one segment, ** at the end all that follow):\n\n")
	line("nth N", "the N-th alone")
	line("after N", "the first N pass")
	line("every N", "each N-th of the others")
	line("times N", "so often, and no more")
	line("P%", "each with that chance; the same requests draw the same")
	line("seed N", "and with another seed others")
	return b.String()
}

// parseFault reads what becomes of a request.
func (r *Rule) parseFault(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("there is no fault after the colon: %s are possible", known())
	}
	for _, k := range kinds {
		if string(k.kind) == words[0] {
			r.kind = k.kind
			if err := k.parse(r, words[1:]); err != nil {
				return fmt.Errorf("%s: %w; give it as %s", k.kind, err, k.form)
			}
			return nil
		}
	}
	return fmt.Errorf("%q is no fault: %s are possible", words[0], known())
}

// isFault reports whether the text begins with the word of a fault.
func isFault(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	return slices.Contains(strings.Split(known(), ", "), word)
}

func known() string {
	var all []string
	for _, k := range kinds {
		all = append(all, string(k.kind))
	}
	return strings.Join(all, ", ")
}

var errOne = errors.New("it takes one value")

func nothing(_ *Rule, words []string) error {
	if len(words) > 0 {
		return fmt.Errorf("it takes no value, but there is %q", strings.Join(words, " "))
	}
	return nil
}

func (r *Rule) parseDelay(words []string) (err error) {
	if len(words) != 1 {
		return errOne
	}
	from, to, ranged := strings.Cut(words[0], "-")
	if !ranged {
		to = from
	}
	if r.least, err = duration(from); err != nil {
		return err
	}
	if r.most, err = duration(to); err == nil && r.most < r.least {
		err = fmt.Errorf("%s is longer than %s", from, to)
	}
	return err
}

func (r *Rule) parseSlow(words []string) (err error) {
	if len(words) != 1 {
		return errOne
	}
	r.least, err = duration(words[0])
	return err
}

func (r *Rule) parseRetry(words []string) (err error) {
	switch {
	case len(words) == 0:
		r.wait, r.least = r.kind == tooMany, time.Second
		return nil
	case len(words) != 2 || words[0] != "retry-after":
		return fmt.Errorf("%q is not a time to retry after", strings.Join(words, " "))
	}
	r.wait = true
	if r.least, err = duration(words[1]); err == nil && r.least%time.Second != 0 {
		err = fmt.Errorf("Retry-After has whole seconds, not %s", words[1]) //nolint:staticcheck // the name of a header
	}
	return err
}

// place is where an answer is cut off.
type place struct {
	where string // headers, half, last; "" after so many bytes
	bytes int
}

func (r *Rule) parseCut(words []string) error {
	if len(words) != 1 {
		return errOne
	}
	switch words[0] {
	case "headers", "half", "last":
		r.cut.where = words[0]
		return nil
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of bytes", words[0])
	}
	r.cut.bytes = n
	return nil
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no time, as 2s or 50ms", text)
	case d < 0 || d > maxWait:
		return 0, fmt.Errorf("%s: 0s to %s are possible", text, maxWait)
	}
	return d, nil
}
