package sim

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// metadataItem is an item below a version such as /latest (EC2 User Guide, "Instance metadata
// categories").
type metadataItem struct {
	path string
	text func() string
}

// plain is an item whose text is at hand.
func plain(path, text string) metadataItem {
	return metadataItem{path, func() string { return text }}
}

// item is the text of a metadata item, or the listing of a directory, and whether it exists.
func (r *Region) item(in *instance, path string) (string, bool) {
	items := slices.Concat(r.basicItems(in), r.networkItems(in), r.noticeItems(in), r.profileItems(in), r.tagItems(in))
	var names []string
	for _, it := range items {
		if it.path == path {
			return it.text(), true
		}
		if below, ok := strings.CutPrefix(it.path, path+"/"); ok {
			name, _, deeper := strings.Cut(below, "/")
			if deeper {
				name += "/"
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "\n"), len(names) > 0
}

const imageID = "ami-0a1b2c3d4e5f60718"

func (r *Region) basicItems(in *instance) []metadataItem {
	items := []metadataItem{
		{"dynamic/instance-identity/document", func() string { return r.identityDocument(in) }},
		plain("meta-data/instance-id", in.id),
		plain("meta-data/instance-type", instanceType),
		plain("meta-data/instance-life-cycle", map[bool]string{true: "spot", false: "on-demand"}[in.metadata.Spot]),
		plain("meta-data/ami-id", imageID),
		plain("meta-data/hostname", r.hostname(in)),
		plain("meta-data/local-hostname", r.hostname(in)),
		plain("meta-data/mac", in.mac()),
		plain("meta-data/placement/region", r.config.Name),
		plain("meta-data/placement/availability-zone", in.zone),
		plain("meta-data/placement/availability-zone-id", zoneID(in.zone)),
		plain("meta-data/services/domain", "amazonaws.com"),
		plain("meta-data/services/partition", r.partition()),
	}
	if in.address != "" {
		items = append(items, plain("meta-data/local-ipv4", in.address))
	}
	if in.ipv6 != "" {
		items = append(items, plain("meta-data/ipv6", in.ipv6))
	}
	return items
}

// hostname is an instance's private name: by its IPv4 address, or by its id if it has only an IPv6
// address (EC2 User Guide, "EC2 instance hostnames and domains").
func (r *Region) hostname(in *instance) string {
	name := in.id
	if in.address != "" {
		name = "ip-" + strings.ReplaceAll(in.address, ".", "-")
	}
	return name + "." + r.config.Name + ".compute.internal"
}

// mac is the MAC address of an instance's network interface.
func (in *instance) mac() string {
	digits := strings.TrimPrefix(in.id, "i-") + "0000000000"
	return "0e:" + digits[1:3] + ":" + digits[3:5] + ":" + digits[5:7] + ":" + digits[7:9] + ":" + digits[9:11]
}

// networkItems are the items of the one network interface.
func (r *Region) networkItems(in *instance) []metadataItem {
	base := "meta-data/network/interfaces/macs/" + in.mac() + "/"
	items := []metadataItem{
		plain(base+"device-number", "0"),
		plain(base+"interface-id", "eni-"+strings.TrimPrefix(in.id, "i-")),
		plain(base+"local-hostname", r.hostname(in)),
		plain(base+"mac", in.mac()),
		plain(base+"owner-id", r.config.Account),
		plain(base+"subnet-id", subnet(in.zone)),
		plain(base+"vpc-id", vpc),
	}
	if in.address != "" {
		items = append(items, plain(base+"local-ipv4s", in.address))
	}
	if in.ipv6 != "" {
		items = append(items, plain(base+"ipv6s", in.ipv6))
	}
	return items
}

// tagItems are the instance's tags, if the instance shows them (InstanceMetadataTags=enabled).
func (r *Region) tagItems(in *instance) []metadataItem {
	g := in.group()
	if !in.metadata.TagsEnabled || g == nil {
		return nil
	}
	items := []metadataItem{plain("meta-data/tags/instance/aws:autoscaling:groupName", g.Name)}
	for _, key := range slices.Sorted(maps.Keys(g.Settings.Tags)) {
		items = append(items, plain("meta-data/tags/instance/"+key, g.Settings.Tags[key]))
	}
	return items
}

// noticeItems are about planned events. Most are absent most of the time.
func (r *Region) noticeItems(in *instance) []metadataItem {
	m := in.metadata
	items := []metadataItem{
		{"meta-data/events/maintenance/scheduled", func() string { return encode(scheduled(m.Events)) }},
		plain("meta-data/events/maintenance/history", "[]"),
	}
	target := in.targetState
	if m.TargetState != nil {
		target = *m.TargetState
	}
	if target != "" {
		items = append(items, plain("meta-data/autoscaling/target-lifecycle-state", target))
	}
	if m.SpotAction != "" {
		items = append(items, plain("meta-data/spot/instance-action", encode(map[string]string{"action": m.SpotAction, "time": m.SpotTime})))
	}
	if !m.Rebalance.IsZero() {
		items = append(items, plain("meta-data/events/recommendations/rebalance", encode(map[string]string{"noticeTime": wholeSeconds(m.Rebalance)})))
	}
	return items
}

// scheduledEvent is a MaintenanceEvent in JSON.
type scheduledEvent struct {
	Code, Description, EventId, NotBefore, NotAfter, State string
}

// scheduled is an array, whether of no, one or more events.
func scheduled(events []MaintenanceEvent) []scheduledEvent {
	all := []scheduledEvent{}
	for _, e := range events {
		all = append(all, scheduledEvent{e.Code, e.Description, e.EventID, cmp.Or(e.Date, eventTime(e.NotBefore)), eventTime(e.NotAfter), e.State})
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

// identityDocument is the instance identity document. Fields that do not apply are null, and an
// instance with only an IPv6 address has no privateIp.
func (r *Region) identityDocument(in *instance) string {
	document := map[string]any{
		"accountId": r.config.Account, "architecture": "x86_64", "availabilityZone": in.zone, "imageId": imageID,
		"instanceId": in.id, "instanceType": instanceType, "pendingTime": wholeSeconds(in.launched),
		"region": r.config.Name, "version": "2017-09-30",
		"billingProducts": nil, "devpayProductCodes": nil, "marketplaceProductCodes": nil, "kernelId": nil, "ramdiskId": nil,
	}
	if in.address != "" {
		document["privateIp"] = in.address
	}
	return encode(document)
}

// profileItems are about the instance profile and its role's credentials. Nothing is there before
// Metadata.CredentialsFrom.
func (r *Region) profileItems(in *instance) []metadataItem {
	if in.metadata.NoProfile || r.now.Before(in.metadata.CredentialsFrom) {
		return nil
	}
	const base = "meta-data/iam/"
	return []metadataItem{
		{base + "info", func() string {
			return encode(map[string]string{
				"Code": "Success", "LastUpdated": wholeSeconds(r.now), "InstanceProfileId": "AIPAEXAMPLEEXAMPLE",
				"InstanceProfileArn": r.globalARN("iam", "instance-profile/"+roleName),
			})
		}},
		{base + "security-credentials/" + roleName, func() string { return r.credentials(in) }},
	}
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
