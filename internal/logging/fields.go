package logging

import (
	"time"

	"go.uber.org/zap"
)

// The one list of field names. Values go in fields, so that a log can be searched by
// them; messages stay short and constant. A duration's name says its unit in JSON.
func Instance(id string) zap.Field { return zap.String("instance_id", id) }
func Group(name string) zap.Field  { return zap.String("asg", name) }
func Step(name string) zap.Field   { return zap.String("step", name) }
func State(state string) zap.Field { return zap.String("state", state) }
func Reason(why string) zap.Field  { return zap.String("reason", why) }
func Detail(text string) zap.Field { return zap.String("detail", text) }
func Elapsed(d time.Duration) zap.Field {
	return zap.Duration("elapsed_seconds", d.Round(time.Millisecond))
}

func Wait(d time.Duration) zap.Field { return zap.Duration("wait_seconds", d.Round(time.Millisecond)) }

func Limit(d time.Duration) zap.Field { return zap.Duration("limit_seconds", d.Round(time.Second)) }
func Left(d time.Duration) zap.Field  { return optional("left_seconds", d) }
func Call(name string) zap.Field      { return zap.String("call", name) }
func Attempt(n int) zap.Field         { return zap.Int("attempt", n) }
func Status(code int) zap.Field       { return zap.Int("http_status", code) }
func Code(code string) zap.Field      { return zap.String("code", code) }
func RequestID(id string) zap.Field   { return zap.String("request_id", id) }
func Error(err error) zap.Field       { return zap.NamedError("error", err) }

// Of the event that a run ends with.
func Command(name string) zap.Field { return zap.String("command", name) }
func ExitCode(code int) zap.Field   { return zap.Int("exit_code", code) }
func Outcome(what string) zap.Field { return zap.String("outcome", what) }
func Class(name string) zap.Field   { return zap.String("class", name) }
func Moved(moved bool) zap.Field    { return zap.Bool("moved", moved) }
func Hint(text string) zap.Field    { return zap.String("hint", text) }
func TimeLimit(d time.Duration) zap.Field {
	return zap.Duration("time_limit_seconds", d.Round(time.Second))
}

// optional is a duration that may not be known: 0 is left out.
func optional(name string, d time.Duration) zap.Field {
	if d == 0 {
		return zap.Skip()
	}
	return zap.Duration(name, d.Round(time.Second))
}
