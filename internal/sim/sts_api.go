package sim

// getCallerIdentity is what `aws sts get-caller-identity` asks; no policy can deny it.
func (r *Region) getCallerIdentity(q *query, d *document) error {
	d.text("Arn", r.principal(q.key))
	d.text("UserId", "AROAEXAMPLEEXAMPLE:"+r.caller(q.key))
	d.text("Account", r.account)
	return nil
}
