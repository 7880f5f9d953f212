// Package logging builds the logger and names every field of what it says.
package logging

import (
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"balanced/internal/format"
)

// Formats are the names New knows, besides auto, which the caller resolves.
const (
	Console = "console" // for people: a time, a message, key=value
	JSON    = "json"    // for machines: one object a line
)

// Auto is the format for a stream: JSON for the journal, and otherwise what people read. journal is the value of
// JOURNAL_STREAM. The journal's own protocol would keep the fields apart, but in another stream than the result on stdout
// and the lines of COMMAND, which then no longer stand in order; journalctl -o cat piped to a JSON tool reads this one.
func Auto(journal string, terminal bool) string {
	if journal != "" && !terminal {
		return JSON
	}
	return Console
}

// New makes a logger that writes whole lines to w: no stack traces, no sampling, and
// no failure when w is gone, since a run that moves a host must not end for want of a
// reader. It refuses a level or a format it does not know.
func New(w io.Writer, level, format string) (*zap.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: %w", level, err)
	}
	var enc zapcore.Encoder
	switch format {
	case Console:
		enc = newLine()
	case JSON:
		enc, w = zapcore.NewJSONEncoder(jsonKeys()), escaped{w}
	default:
		return nil, fmt.Errorf("log format %q: want console or json", format)
	}
	core := zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(w)), least)
	// zap reports a failed write to this place; the default is standard error itself.
	return zap.New(core, zap.ErrorOutput(zapcore.AddSync(io.Discard))), nil
}

func jsonKeys() zapcore.EncoderConfig {
	return zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	}
}

// escaped is for lines of JSON whose texts come from AWS: zap leaves some control characters as they are.
type escaped struct{ io.Writer }

func (e escaped) Write(line []byte) (int, error) {
	_, err := e.Writer.Write(format.EscapeJSON(line))
	return len(line), err
}
