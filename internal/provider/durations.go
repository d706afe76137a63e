package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Durations of credentials. A year has leap days, hence the odd number.
const (
	defaultGrace = 24 * time.Hour
	maxGrace     = 720 * time.Hour
	minPeriod    = time.Minute
	maxPeriod    = 10 * 366 * 24 * time.Hour
)

// durationBetween checks a duration in Go's form.
func durationBetween(low, high time.Duration) validator.String {
	return durationValidator{low, high}
}

type durationValidator struct{ low, high time.Duration }

func (v durationValidator) Description(context.Context) string {
	return fmt.Sprintf("a duration from %s to %s, as 90s, 15m or 720h", short(v.low), short(v.high))
}

func (v durationValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v durationValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, problem := parseDuration(req.ConfigValue.ValueString(), v.low, v.high); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration", problem)
	}
}

// parseDuration reads a duration of whole seconds; problem says what is wrong
// with it, "" when nothing is.
func parseDuration(s string, low, high time.Duration) (d time.Duration, problem string) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("%q is not a duration: write a number and a unit (s, m, h), as 90s, 15m or 720h. Days are written in hours: 30 days are 720h.", s)
	case d < low:
		return 0, fmt.Sprintf("%s is too short: at least %s is possible.", s, short(low))
	case d > high:
		return 0, fmt.Sprintf("%s is too long: at most %s is possible.", s, short(high))
	case d%time.Second != 0:
		return 0, fmt.Sprintf("%s is not a whole number of seconds.", s)
	}
	return d, ""
}

// duration of an attribute that was validated; fallback when it is null.
func duration(v types.String, fallback time.Duration) time.Duration {
	d, err := time.ParseDuration(v.ValueString())
	if v.IsNull() || err != nil {
		return fallback
	}
	return d
}

// sameDuration compares known values: 24h is 1440m.
func sameDuration(a, b types.String) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() == b.IsNull()
	}
	return !a.IsUnknown() && !b.IsUnknown() && duration(a, -1) == duration(b, -1)
}

// short writes a duration without its zero parts: 720h, not 720h0m0s.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}
