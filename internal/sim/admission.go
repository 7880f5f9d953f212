package sim

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// roleName is the role of every instance profile in the Region.
const roleName = "instance-role"

// rights is what callers may do. They may do everything until something is denied.
type rights struct {
	denied []string
	only   []string // nil: everything that is not denied
}

// Deny refuses actions from now on, named as in an IAM policy: "autoscaling:EnterStandby",
// "elasticloadbalancing:Describe*".
func (r *Region) Deny(actions ...string) {
	r.lock()
	defer r.unlock()
	r.rights.denied = append(r.rights.denied, actions...)
}

// AllowOnly refuses every action but these, as a role with one small policy does.
func (r *Region) AllowOnly(actions ...string) {
	r.lock()
	defer r.unlock()
	r.rights.only = append([]string{}, actions...)
}

// Allow lifts what Deny and AllowOnly refuse: the actions named exactly as there, or by their own
// names after AllowOnly.
func (r *Region) Allow(actions ...string) {
	r.lock()
	defer r.unlock()
	r.rights.denied = slices.DeleteFunc(r.rights.denied, func(d string) bool { return slices.Contains(actions, d) })
	if r.rights.only != nil {
		r.rights.only = append(r.rights.only, actions...)
	}
}

func (p rights) allow(action string) bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(pattern, action)
		return ok && err == nil
	}
	return !slices.ContainsFunc(p.denied, matches) && (p.only == nil || slices.ContainsFunc(p.only, matches))
}

// admit lets a request in: valid credentials, not too often, allowed.
func (r *Region) admit(q *query) error {
	if in := r.instances[r.caller(q.key)]; in != nil && in.metadata.CredentialsExpired {
		return &refusal{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	}
	if !r.drawToken(q.service.name) {
		return &refusal{http.StatusBadRequest, r.throttlingCode(q.service.name), "Rate exceeded"}
	}
	if action := q.service.iamPrefix + ":" + q.action; !r.rights.allow(action) && action != "sts:GetCallerIdentity" {
		return r.denial(q, action)
	}
	return nil
}

// denial words an AccessDenied. Actions that can be allowed for one group name it.
func (r *Region) denial(q *query, action string) error {
	resource := ""
	if name := q.get("AutoScalingGroupName"); q.service.name == "autoscaling" && !strings.HasPrefix(q.action, "Describe") && name != "" {
		arn := r.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"+name)
		if g := r.groups.byName[name]; g != nil {
			arn = g.arn
		}
		resource = " on resource: " + arn
	}
	return &refusal{http.StatusForbidden, "AccessDenied", fmt.Sprintf(
		"User: %s is not authorized to perform: %s%s because no identity-based policy allows the %s action",
		r.principal(q.key), action, resource, action)}
}

// principal is the ARN of whoever holds an access key.
func (r *Region) principal(key string) string {
	if in := r.caller(key); in != "" {
		return r.globalARN("sts", fmt.Sprintf("assumed-role/%s/%s", roleName, in))
	}
	return r.globalARN("iam", "user/operator")
}

const keyPrefix = "ASIA"

// credentialsKey is the access key id of an instance's role credentials.
func credentialsKey(instance string) string {
	return keyPrefix + strings.ToUpper(strings.TrimPrefix(instance, "i-0"))
}

// caller is the instance behind an access key, "" for anybody else.
func (r *Region) caller(key string) string {
	id, ok := strings.CutPrefix(key, keyPrefix)
	if !ok {
		return ""
	}
	return "i-0" + strings.ToLower(id)
}

// bucket is a token bucket, as AWS throttles with.
type bucket struct {
	tokens, capacity, perSecond float64
	filled                      time.Time
}

// SetBucket throttles a service (autoscaling, elasticloadbalancing, elasticloadbalancingv2): a
// bucket of capacity requests, full now, that refills at a steady rate.
func (r *Region) SetBucket(service string, capacity, refillPerSecond float64) {
	r.lock()
	defer r.unlock()
	r.buckets[service] = &bucket{capacity, capacity, refillPerSecond, r.now}
}

// drawToken takes a token for one request; a service without a bucket always has one.
func (r *Region) drawToken(service string) bool {
	b := r.buckets[service]
	if b == nil {
		return true
	}
	b.tokens = min(b.capacity, b.tokens+b.perSecond*r.now.Sub(b.filled).Seconds())
	b.filled = r.now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttlingCode: the two services spell it differently.
func (r *Region) throttlingCode(service string) string {
	if service == "autoscaling" && !r.behaviour.ThrottlingExceptionCode {
		return "Throttling"
	}
	return "ThrottlingException"
}
