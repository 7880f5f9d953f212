//go:build !linux

package rehearsal

// Other systems have neither /proc nor subreapers. There only the process group of a
// command is ended with it, and the table does not show what runs on an instance.

type procTree struct{}

func becomeSubreaper() error           { return nil }
func readProcTree() procTree           { return procTree{} }
func (procTree) descendants(int) []int { return nil }
func argv(int) []string                { return nil }
func killDescendants()                 {}
