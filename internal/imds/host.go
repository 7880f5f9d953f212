package imds

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"balanced/internal/awsapi"
)

// host is what the firmware of this host says about it. It is asked only where the metadata service itself cannot tell.
type host struct {
	known bool   // it could be read
	ec2   bool   // it is an EC2 instance
	id    string // of the instance; empty where the firmware does not say
}

// unknownHost is one whose metadata service somebody put elsewhere.
var unknownHost host

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// hostOf reads the firmware below a root folder. The asset tag of a Nitro instance is its id; a Xen instance has a UUID
// that begins with ec2 (EC2 User Guide, "Detect whether a host is an EC2 instance").
func hostOf(root string) host {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	vendor, tag := read("sys/devices/virtual/dmi/id/sys_vendor"), read("sys/devices/virtual/dmi/id/board_asset_tag")
	xen := strings.HasPrefix(strings.ToLower(read("sys/hypervisor/uuid")), "ec2")
	h := host{known: vendor != "", ec2: vendor == "Amazon EC2" || xen}
	if h.ec2 && instanceID.MatchString(tag) {
		h.id = tag
	}
	return h
}

// elsewhere: it is known not to be an EC2 instance.
func (h host) elsewhere() bool { return h.known && !h.ec2 }

const notHere = "run it on an EC2 instance"

func (h host) noAnswer(err error) error {
	switch {
	case awsapi.OutOfFiles(err):
		return &told{is: ErrNoAnswer, hint: "raise the limit of open files (ulimit -n), then run it again", err: err}
	case h.elsewhere():
		return &told{is: ErrNoAnswer, more: ": this does not look like an EC2 instance", hint: notHere, err: err}
	case h.ec2:
		return &told{is: ErrNoAnswer, more: ": a firewall or a network namespace hides it", hint: "let this process reach 169.254.169.254", err: err, starts: true}
	}
	return &told{is: ErrNoAnswer, more: ": not an EC2 instance, or a firewall or network namespace hides it", err: err, starts: true}
}

func (h host) disabled() error {
	if h.elsewhere() {
		return &told{is: ErrDisabled, more: ", or this is not an EC2 instance: it does not look like one (HTTP 403)", hint: notHere}
	}
	return &told{is: ErrDisabled, more: " for this instance (HTTP 403)", hint: h.modify("--http-endpoint enabled")}
}

func (h host) hopLimit() error {
	return &told{is: ErrHopLimit, hint: h.modify("--http-put-response-hop-limit 2")}
}

// modify is the command that changes a metadata option; empty where the id of the instance is not known.
func (h host) modify(option string) string {
	if h.id == "" {
		return ""
	}
	return "aws ec2 modify-instance-metadata-options --instance-id " + h.id + " " + option
}
