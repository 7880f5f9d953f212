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

// permissions is what callers may do: everything, until something is denied.
type permissions struct {
	denied []string
	only   []string // nil: everything not denied
}

// Deny denies actions from now on. They are named as in an IAM policy: "autoscaling:EnterStandby",
// "elasticloadbalancing:Describe*".
func (r *Region) Deny(actions ...string) {
	r.lock()
	defer r.unlock()
	r.requests.permissions.denied = append(r.requests.permissions.denied, actions...)
}

// AllowOnly denies every action but these, as a role with one small policy does.
func (r *Region) AllowOnly(actions ...string) {
	r.lock()
	defer r.unlock()
	r.requests.permissions.only = append([]string{}, actions...)
}

// Allow lifts what Deny and AllowOnly deny. After Deny, name an action exactly as it was denied.
func (r *Region) Allow(actions ...string) {
	r.lock()
	defer r.unlock()
	r.requests.permissions.denied = slices.DeleteFunc(r.requests.permissions.denied, func(d string) bool { return slices.Contains(actions, d) })
	if r.requests.permissions.only != nil {
		r.requests.permissions.only = append(r.requests.permissions.only, actions...)
	}
}

func (p permissions) permit(action string) bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(pattern, action)
		return ok && err == nil
	}
	return !slices.ContainsFunc(p.denied, matches) && (p.only == nil || slices.ContainsFunc(p.only, matches))
}

// admit checks a request's credentials, its rate and its permission.
func (r *Region) admit(q *query) error {
	if in := r.instances[r.caller(q.key)]; in != nil && in.metadata.CredentialsExpired {
		return &refusal{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	}
	if !r.takeToken(q.service.name) {
		return &refusal{http.StatusBadRequest, r.throttlingCode(q.service.name), "Rate exceeded"}
	}
	if action := q.service.iamPrefix + ":" + q.action; !r.requests.permissions.permit(action) && action != "sts:GetCallerIdentity" {
		return r.denial(q, action)
	}
	return nil
}

// denial is an AccessDenied error. It names the group if the action supports permissions for one
// group.
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

// principal is the ARN of the owner of an access key.
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

// caller is the instance that an access key belongs to, or "".
func (r *Region) caller(key string) string {
	id, ok := strings.CutPrefix(key, keyPrefix)
	if !ok {
		return ""
	}
	return "i-0" + strings.ToLower(id)
}

// bucket is a token bucket, AWS's way of throttling.
type bucket struct {
	tokens, capacity, perSecond float64
	filled                      time.Time
}

// SetBucket throttles a service (autoscaling, elasticloadbalancing, elasticloadbalancingv2) with a
// token bucket that is full now and refills at a steady rate.
func (r *Region) SetBucket(service string, capacity, refillPerSecond float64) {
	r.lock()
	defer r.unlock()
	r.requests.buckets[service] = &bucket{capacity, capacity, refillPerSecond, r.now}
}

// takeToken takes a token for one request. A service without a bucket is not throttled.
func (r *Region) takeToken(service string) bool {
	b := r.requests.buckets[service]
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

// throttlingCode is the error code of throttling, which differs between the services.
func (r *Region) throttlingCode(service string) string {
	if service == "autoscaling" && !r.config.Behaviour.ThrottlingExceptionCode {
		return "Throttling"
	}
	return "ThrottlingException"
}
