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

// line is the encoder for people who read over ssh: short, and always one line.
//
//	12:04:31 asked to move instance_id=i-0abc asg=web
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
	b.AppendString(" " + oneLine(e.Message))
	writePairs(b, l.Fields)
	for _, f := range fields {
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		writePairs(b, m.Fields)
	}
	b.AppendByte('\n')
	return b, nil
}

func writePairs(b *buffer.Buffer, fields map[string]any) {
	keys := make([]string, 0, len(fields))
	for k := range fields {
		if !strings.HasSuffix(k, "Verbose") { // an error's stack, as zap adds it
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		b.AppendString(" " + k + "=" + quoted(text(fields[k])))
	}
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

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
