package logging

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"balanced/internal/format"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// line is the encoder for people who read over ssh: short, and always one line. What people know already is left out,
// except where they debug: which instance this is and its group, the step, and any value that the message has too.
//
//	12:04:31 Auto Scaling accepted the move detail="Moving EC2 instance to Standby"
//	12:04:33 warn desired 4 is at MaxSize
type line struct {
	*zapcore.MapObjectEncoder // what With added
	pool                      buffer.Pool
}

func newLine() *line {
	return &line{MapObjectEncoder: zapcore.NewMapObjectEncoder(), pool: buffer.NewPool()}
}

// Clone keeps what is added to the copy from the original.
func (l *line) Clone() zapcore.Encoder {
	c := newLine()
	for k, v := range l.Fields {
		c.Fields[k] = v
	}
	return c
}

// EncodeEntry writes fields in the order they were given, those of With first.
func (l *line) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	b := l.pool.Get()
	b.AppendString(e.Time.Format("15:04:05"))
	if e.Level != zapcore.InfoLevel {
		b.AppendString(" " + e.Level.String())
	}
	b.AppendString(" " + format.OneLine(e.Message))
	writePairs(b, e, l.Fields)
	for _, f := range fields {
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		writePairs(b, e, m.Fields)
	}
	b.AppendByte('\n')
	return b, nil
}

func writePairs(b *buffer.Buffer, e zapcore.Entry, fields map[string]any) {
	keys := make([]string, 0, len(fields))
	for k := range fields {
		if !strings.HasSuffix(k, "Verbose") { // an error's stack, as zap adds it
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		value := text(fields[k])
		if e.Level > zapcore.DebugLevel && known(e.Message, k, value) {
			continue
		}
		if _, ok := fields[k].(time.Duration); ok {
			k = strings.TrimSuffix(k, "_seconds") // the value has its unit
		}
		b.AppendString(" " + k + "=" + quoted(value))
	}
}

// known: the reader knows the pair without being told.
func known(message, key, value string) bool {
	switch key {
	case "instance_id", "asg", "step":
		return true
	}
	return len(value) > 3 && strings.Contains(message, value)
}

// text is a value as people read it.
func text(value any) string {
	if d, ok := value.(time.Duration); ok && d >= time.Second {
		return format.Duration(d)
	}
	return fmt.Sprint(value)
}

// quoted leaves plain words as they are.
func quoted(s string) string {
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '=' }
	if s == "" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}
