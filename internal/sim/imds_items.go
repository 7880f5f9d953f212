package sim

import (
	"encoding/json"
	"strings"
	"time"
)

// item is the text of a metadata item and whether it exists.
func (r *Region) item(in *instance, path string) (string, bool) {
	if name, ok := strings.CutPrefix(path, "meta-data/iam"); ok {
		return r.profileItem(in, strings.TrimPrefix(name, "/"))
	}
	switch path {
	case "dynamic/instance-identity/document":
		return r.identityDocument(in), true
	case "meta-data":
		return "ami-id\nautoscaling/\nevents/\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/", true
	case "meta-data/instance-id":
		return in.id, true
	case "meta-data/instance-type":
		return instanceType, true
	case "meta-data/ami-id":
		return imageID, true
	case "meta-data/local-ipv4":
		return in.address, true
	case "meta-data/hostname", "meta-data/local-hostname":
		return "ip-" + strings.ReplaceAll(in.address, ".", "-") + "." + r.config.Name + ".compute.internal", true
	case "meta-data/placement/region":
		return r.config.Name, true
	case "meta-data/placement/availability-zone":
		return in.zone, true
	case "meta-data/placement/availability-zone-id":
		return zoneID(in.zone), true
	}
	return r.noticeItem(in, path)
}

const imageID = "ami-0a1b2c3d4e5f60718"

// zoneID is the id of a zone, the same in every account: euw1-az1 for eu-west-1a.
func zoneID(zone string) string {
	parts := strings.Split(zone, "-")
	if len(parts) != 3 || len(parts[2]) != 2 {
		return zone
	}
	number := int(parts[2][1]-'a') + 1
	return parts[0] + parts[1][:1] + parts[2][:1] + "-az" + string(rune('0'+number))
}

// noticeItem is an item about planned events. Most are absent most of the time.
func (r *Region) noticeItem(in *instance, path string) (string, bool) {
	m := in.metadata
	switch path {
	case "meta-data/autoscaling/target-lifecycle-state":
		if m.TargetState != nil {
			return *m.TargetState, *m.TargetState != ""
		}
		return in.targetState, in.targetState != ""
	case "meta-data/spot/instance-action":
		return encode(map[string]string{"action": m.SpotAction, "time": m.SpotTime}), m.SpotAction != ""
	case "meta-data/events/recommendations/rebalance":
		return encode(map[string]string{"noticeTime": wholeSeconds(m.Rebalance)}), !m.Rebalance.IsZero()
	case "meta-data/events/maintenance/scheduled":
		return encode(scheduled(m.Events)), true
	case "meta-data/events/maintenance/history":
		return "[]", true
	}
	return "", false
}

// scheduledEvent is a MaintenanceEvent in JSON.
type scheduledEvent struct {
	Code, Description, EventId, NotBefore, NotAfter, State string
}

// scheduled is an array, whether of no, one or more events.
func scheduled(events []MaintenanceEvent) []scheduledEvent {
	all := []scheduledEvent{}
	for _, e := range events {
		all = append(all, scheduledEvent{e.Code, e.Description, e.EventID, eventTime(e.NotBefore), eventTime(e.NotAfter), e.State})
	}
	return all
}

// eventTime formats the times of scheduled events: "1 Jan 2020 01:03:47 GMT".
func eventTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 Jan 2006 15:04:05") + " GMT"
}

// identityDocument is the instance identity document. Fields that do not apply are null.
func (r *Region) identityDocument(in *instance) string {
	return encode(map[string]any{
		"accountId": r.config.Account, "architecture": "x86_64", "availabilityZone": in.zone, "imageId": imageID,
		"instanceId": in.id, "instanceType": instanceType, "pendingTime": wholeSeconds(in.launched),
		"privateIp": in.address, "region": r.config.Name, "version": "2017-09-30",
		"billingProducts": nil, "devpayProductCodes": nil, "marketplaceProductCodes": nil, "kernelId": nil, "ramdiskId": nil,
	})
}

// profileItem is an item below iam/, about the instance profile and its role's credentials.
func (r *Region) profileItem(in *instance, path string) (string, bool) {
	if in.metadata.NoProfile {
		return "", false
	}
	switch path {
	case "":
		return "info\nsecurity-credentials/", true
	case "info":
		return encode(map[string]string{
			"Code": "Success", "LastUpdated": wholeSeconds(r.now), "InstanceProfileId": "AIPAEXAMPLEEXAMPLE",
			"InstanceProfileArn": r.globalARN("iam", "instance-profile/"+roleName),
		}), true
	case "security-credentials":
		return roleName, true
	case "security-credentials/" + roleName:
		return r.credentials(in), true
	}
	return "", false
}

// credentials are the role's credentials. Each instance has an access key of its own, which
// identifies the caller of a request.
func (r *Region) credentials(in *instance) string {
	updated := r.now
	if in.metadata.CredentialsExpired {
		updated = updated.Add(-7 * time.Hour)
	}
	return encode(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": wholeSeconds(updated),
		"AccessKeyId": credentialsKey(in.id), "SecretAccessKey": "secret-of-" + in.id, "Token": "session-of-" + in.id,
		"Expiration": wholeSeconds(updated.Add(6 * time.Hour)),
	})
}

// encode writes indented JSON, as the metadata service does. It is given only maps and structs of
// strings, which can always be encoded.
func encode(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("sim: " + err.Error())
	}
	return string(text)
}
