package rotation

// TakeHost makes this agent the only one at work on its host until release. What the agent does meanwhile does not take
// the host again, so that `run` can hold it for out, its command and in together.
func (a *Agent) TakeHost() (release func(), err error) {
	if a.taken || a.Alone == nil {
		return func() {}, nil
	}
	free, err := a.Alone(a.Self.Instance)
	if err != nil {
		return nil, err
	}
	a.taken = true
	return func() { a.taken = false; free() }, nil
}
