package fault_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
)

func mustParse(t *testing.T, texts ...string) (rules []fault.Rule) {
	t.Helper()
	for _, text := range texts {
		r, err := fault.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		rules = append(rules, r)
	}
	return rules
}

func TestParse_refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "colon",
		"POST /x":                        "colon",
		"nothing":                        "colon",
		"POST /x:reset":                  "colon",
		"POST /x: ":                      "there is no fault",
		"POST /x: explode":               `"explode" is no fault: delay, 429, `,
		"POST /x: RESET":                 `"RESET" is no fault`,
		"post /x: reset":                 `"post" is no method`,
		"GET|x /x: reset":                `"x" is no method`,
		"GET x: reset":                   `"x" is no path`,
		"GET /x /y: reset":               `"/x /y" is no path`,
		"/a*/b: reset":                   `"a*" in the path`,
		"/**/b: reset":                   `"**" in the path`,
		"reset now":                      "takes no value",
		"delay":                          "delay TIME or TIME-TIME",
		"delay 1":                        `"1" is no time`,
		"delay 2s-1s":                    "2s is longer than 1s",
		"delay -1s":                      "is no time",
		"delay 11m":                      "0s to 10m0s are possible",
		"429 retry-after":                "429 [retry-after TIME]",
		"503 retry-after 1500ms":         "whole seconds",
		"cut":                            "one value",
		"cut -1":                         "no number of bytes",
		"cut middle":                     "cut N|headers|half|last",
		"slow":                           "slow TIME",
		"reset, 0%":                      "more than 0%",
		"reset, 101%":                    "at most 100%",
		"reset, x%":                      "is no chance",
		"reset, nth 0":                   "at least 1",
		"reset, nth two":                 "whole",
		"reset, sometimes":               `"sometimes" is no condition`,
		"reset, often 3":                 `"often 3" is no condition`,
		"reset, ":                        "is no condition",
		"reset, seed 3":                  "a seed is for a chance",
		"GET /x: reset: delay 1s, nth 1": "is no fault",
	} {
		if _, err := fault.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

// Every word that the help has is understood as it stands there.
func TestHelp(t *testing.T) {
	help := fault.Help()
	for _, text := range []string{
		"delay 50ms", "429", "429 retry-after 3s", "503", "503 retry-after 1s", "reset", "500-after-commit",
		"lost-after-commit", "reset-after-commit", "cut 12", "cut headers", "cut half", "cut last", "slow 1s",
		"reset, nth 2", "reset, after 2", "reset, every 3", "reset, times 4", "reset, 5%", "reset, 0.5%, seed 7",
	} {
		mustParse(t, text, "PUT|PATCH /a/*/**: "+text)
		for _, word := range []string{strings.Fields(text)[0], strings.Fields(strings.TrimPrefix(text, "reset, "))[0]} {
			if !strings.Contains(help, strings.Trim(word, ",")) && !strings.HasSuffix(strings.Trim(word, ","), "%") {
				t.Errorf("the help has no %q", word)
			}
		}
	}
}

// struck is which of the requests a rule breaks, as digits from 1 to 9.
func struck(t *testing.T, rules []fault.Rule, requests ...string) (out string) {
	t.Helper()
	h := fault.New(fault.Config{Rules: rules, Spare: []string{"/spared"}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for i, request := range requests {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != http.StatusOK {
			out += string(rune('1' + i%9))
		}
	}
	return out
}

func TestSelection(t *testing.T) {
	const put = "PUT /api/agents/7/secrets/8"
	requests := []string{"GET /a", "GET /a/b", "POST /a/b", put, put + "/x", "GET /spared"}
	for rule, want := range map[string]string{
		"503":                                "12345",
		"*: 503":                             "12345",
		"GET: 503":                           "12",
		"GET|POST: 503":                      "123",
		"/a: 503":                            "1",
		"/a/: 503":                           "",
		"/*/b: 503":                          "23",
		"POST /a/*: 503":                     "3",
		"* /a/**: 503":                       "23",
		"PUT /api/agents/*/secrets/*: 503":   "4",
		"/api/**: 503":                       "45",
		"PUT: 503, nth 2":                    "5",
		"503, after 0":                       "12345",
		"503, after 2, every 2":              "4",
		"503, every 2":                       "24",
		"503, times 2":                       "12",
		"503, every 2, times 1":              "2",
		"503, 100%":                          "12345",
		"  PUT   /api/**:   503  ,  nth 1  ": "4",
	} {
		if got := struck(t, mustParse(t, rule), requests...); got != want {
			t.Errorf("%s breaks %s, want %s", rule, got, want)
		}
	}
}

// A chance draws the same each time, another with another seed, and about as
// often as it says.
func TestChance(t *testing.T) {
	const many = 2000
	requests := make([]string, many)
	for i := range requests {
		requests[i] = "GET /a"
	}
	drawn := map[string]bool{}
	for _, rule := range []string{"503, 5%", "503, 5%, seed 1", "503, 5%, seed 2"} {
		first, second := struck(t, mustParse(t, rule), requests...), struck(t, mustParse(t, rule), requests...)
		if first != second || drawn[first] {
			t.Errorf("%s draws %d, then %d; or as another one", rule, len(first), len(second))
		}
		drawn[first] = true
		if len(first) < many*3/100 || len(first) > many*7/100 {
			t.Errorf("%s breaks %d of %d", rule, len(first), many)
		}
	}
}

// What one rule breaks counts for the others too, and of two the first wins.
func TestTwoRules(t *testing.T) {
	requests := []string{"GET /a", "GET /a", "GET /a", "GET /a"}
	if got := struck(t, mustParse(t, "503, nth 2", "429, nth 2", "500-after-commit, nth 3"), requests...); got != "23" {
		t.Errorf("broken: %s", got)
	}
	// The second keeps its turn for a request that the first lets through.
	if got := struck(t, mustParse(t, "503, nth 1", "429, times 1"), requests...); got != "12" {
		t.Errorf("broken: %s", got)
	}
}
