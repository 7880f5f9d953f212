package rotation

// PartReport is how one part of `balanced run` ended: out, command or in.
type PartReport struct {
	Name           string  `json:"name"`
	ExitCode       int     `json:"exit_code"` // as the part alone would have exited
	Outcome        string  `json:"outcome"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
}
