package sim

// getCallerIdentity names the caller. No policy can deny it (STS API reference).
func (r *Region) getCallerIdentity(q *query, d *document) error {
	d.text("Arn", r.principal(q.key))
	if in := r.caller(q.key); in != "" {
		d.text("UserId", "AROAEXAMPLEEXAMPLE:"+in)
	} else {
		d.text("UserId", "AIDAEXAMPLEEXAMPLE")
	}
	d.text("Account", r.config.Account)
	return nil
}
