package rehearsal

import (
	"cmp"
	"slices"

	"balanced/internal/lab/record"
)

// history is what was seen of one instance, as spans in order.
type history struct {
	id, zone string
	spans    []record.Span
}

// last is the newest span; false if there is none yet.
func (h *history) last() (record.Span, bool) {
	if len(h.spans) == 0 {
		return record.Span{}, false
	}
	return h.spans[len(h.spans)-1], true
}

// add extends the newest span to now, and begins another one if s differs from it.
func (h *history) add(s record.Span, now float64) {
	s.From, s.To = now, now
	last, known := h.last()
	if known {
		h.spans[len(h.spans)-1].To = now
	}
	if !known || regionState(last) != regionState(s) || last.Version != s.Version || last.Running != s.Running {
		h.spans = append(h.spans, s)
	}
}

// instance returns the record of the instance up to a time.
func (h *history) instance(end float64) record.Instance {
	spans := slices.Clone(h.spans)
	spans[len(spans)-1].To = end
	i := record.Instance{ID: h.id, Zone: h.zone, Spans: spans}
	for n, s := range spans {
		i.Before = cmp.Or(i.Before, s.Version)
		if n+1 < len(spans) {
			spans[n].To = spans[n+1].From
		}
		if s.Version != "" {
			i.After = s.Version
		}
		if !s.Healthy {
			i.Out += spans[n].To - s.From
		}
	}
	return i
}
