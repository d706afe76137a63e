package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

type rotationPeriod struct{}

func newRotationPeriod() function.Function { return rotationPeriod{} }

func (rotationPeriod) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "rotation_period"
}

func (rotationPeriod) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Start of the period that a time lies in",
		MarkdownDescription: "Cuts time into periods of one length and returns the start of the one that `timestamp` lies in (RFC 3339, UTC). With `plantimestamp()` it is a rotation trigger that stays the same within a period: " +
			"`rotation_trigger = { period = provider::agentcreds::rotation_period(plantimestamp(), \"720h\") }`. Periods are counted from 1970-01-01T00:00:00Z.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "timestamp", MarkdownDescription: "A time in RFC 3339, usually `plantimestamp()`. `timestamp()` is not known at plan and would show a rotation in every plan."},
			function.StringParameter{Name: "period", MarkdownDescription: "Length of a period, as `720h`; at least `1m`."},
		},
		Return: function.StringReturn{},
	}
}

func (rotationPeriod) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var timestamp, period string
	if resp.Error = req.Arguments.Get(ctx, &timestamp, &period); resp.Error != nil {
		return
	}
	t, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, "timestamp is not a time in RFC 3339, as plantimestamp() gives one (2026-01-31T12:00:00Z)")
		return
	}
	d, problem := parseDuration(period, minPeriod, maxPeriod)
	if problem != "" {
		resp.Error = function.NewArgumentFuncError(1, problem)
		return
	}
	resp.Error = resp.Result.Set(ctx, periodStart(t, d).Format(time.RFC3339))
}

// periodStart rounds down, times before 1970 too.
func periodStart(t time.Time, d time.Duration) time.Time {
	length := int64(d / time.Second)
	n := t.Unix() / length
	if t.Unix()%length < 0 {
		n--
	}
	return time.Unix(n*length, 0).UTC()
}
