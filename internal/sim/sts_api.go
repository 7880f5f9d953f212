package sim

// getCallerIdentity names the caller. No policy can deny it (STS API reference).
func (r *Region) getCallerIdentity(q *query, d *document) error {
	d.text("Arn", r.principal(q.key))
	d.text("UserId", "AROAEXAMPLEEXAMPLE:"+r.caller(q.key))
	d.text("Account", r.config.Account)
	return nil
}
