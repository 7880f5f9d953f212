package lock_test

import (
	"encoding/json"
	"strings"
	"testing"

	"balanced/internal/failure"
	"balanced/internal/lock"
)

func TestParse(t *testing.T) {
	longest := "dynamodb:" + strings.Repeat("x", 255)
	for where, want := range map[string]string{
		"dynamodb:locks":                "dynamodb dynamodb:locks",
		"dynamodb:a.b_c-D9":             "dynamodb dynamodb:a.b_c-D9",
		"dynamodb:abc":                  "dynamodb dynamodb:abc",
		longest:                         "dynamodb " + longest,
		"https://lock.example.com":      "fleetlock https://lock.example.com/",
		"https://lock.example.com/":     "fleetlock https://lock.example.com/",
		"https://lock.example.com/base": "fleetlock https://lock.example.com/base/",
		"https://10.0.0.1:8443/a/b/":    "fleetlock https://10.0.0.1:8443/a/b/",
		"https://[fd00::1]:8443":        "fleetlock https://[fd00::1]:8443/",
		"http://localhost:3333":         "fleetlock http://localhost:3333/",
		"http://127.0.0.1:3333/":        "fleetlock http://127.0.0.1:3333/",
		"http://[::1]:3333":             "fleetlock http://[::1]:3333/",

		"":                                     "neither a table nor a FleetLock server",
		"locks":                                "neither a table nor a FleetLock server",
		"DynamoDB:locks":                       "neither",
		"ftp://host/":                          "neither",
		"dynamodb:":                            `"" is no name of a DynamoDB table`,
		"dynamodb:ab":                          `"ab" is no name`,
		"dynamodb:a b":                         `"a b" is no name`,
		"dynamodb:" + strings.Repeat("x", 256): "is no name",
		"dynamodb:arn:aws:dynamodb:eu-west-1:1:table/locks": "does not take the ARN of a table",
		"https://":                      "names no host",
		"https:///path":                 "names no host",
		"https://user:secret@host/":     "does not take credentials in its URL",
		"https://user@host/":            "does not take credentials in its URL",
		"https://host/?a=b":             "has a query or a fragment",
		"https://host/?":                "has a query or a fragment",
		"https://host/#a":               "has a query or a fragment",
		"https://ho st/":                "invalid character",
		"https://host:port/":            "invalid port",
		"http://lock.example.com/":      "is http://, which is accepted for loopback addresses only",
		"http://10.0.0.1/":              "is http://",
		"http://localhost.example.com/": "is http://",
		"http://127.0.0.1.example.com/": "is http://",
	} {
		w, err := lock.Parse(where)
		if err == nil {
			if got := w.Kind() + " " + w.String(); got != want {
				t.Errorf("%q is %s, want %s", where, got, want)
			}
			continue
		}
		if !failure.Is(err, failure.Usage) || failure.Hint(err) == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v (%s; %s), want usage: %s", where, err, failure.Of(err), failure.Hint(err), want)
		}
		if strings.Contains(err.Error()+failure.Hint(err), "secret") {
			t.Errorf("%q: the password is in %v", where, err)
		}
	}
}

func TestGroupNames(t *testing.T) {
	for _, c := range []struct{ where, group, want string }{
		{"dynamodb:locks", "web tier/1", ""},
		{"dynamodb:locks", strings.Repeat("x", 2048), ""},
		{"dynamodb:locks", strings.Repeat("x", 2049), "longer than 2048 bytes"},
		{"https://host/", "web.tier-1", ""},
		{"https://host/", "web_tier", `--lock-group "web_tier" is no FleetLock group`},
		{"https://host/", "web tier", "is no FleetLock group"},
		{"https://host/", "web\n", "is no FleetLock group"},
	} {
		w, err := lock.Parse(c.where)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lock.New(w, lock.Options{Instance: "i-1", Group: c.group})
		rule := "a FleetLock group consists of a-z, A-Z, 0-9, . and -"
		if w.Kind() == "dynamodb" {
			rule = "the key of an item has 1 to 2048 bytes"
		}
		if c.want != "" && failure.Hint(err) != rule {
			t.Errorf("%s: hint %q, want %q", c.where, failure.Hint(err), rule)
		}
		if c.want == "" && err != nil || c.want != "" && (!failure.Is(err, failure.Usage) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, %.20q: %v, want %q", c.where, c.group, err, c.want)
		}
	}
}

func TestStatements(t *testing.T) {
	table, err := lock.Parse("dynamodb:locks")
	if err != nil {
		t.Fatal(err)
	}
	server, err := lock.Parse("https://host/")
	if err != nil {
		t.Fatal(err)
	}
	const own = "arn:aws-cn:autoscaling:cn-north-1:123456789012:autoScalingGroup:3f1:autoScalingGroupName/web"
	const any = "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/web"
	for _, c := range []struct{ group, lockGroup, table, key string }{
		{own, "", "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/locks", own},
		{any, "", "arn:aws:dynamodb:*:*:table/locks", any},
		{"*", "", "arn:*:dynamodb:*:*:table/locks", "*"},
		{any, "blue", "arn:aws:dynamodb:*:*:table/locks", "blue"},
	} {
		text, err := json.Marshal(table.Statements(c.group, c.lockGroup))
		want := `[{"Sid":"Lock","Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem"],"Resource":"` + c.table +
			`","Condition":{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["` + c.key + `"]}}}]`
		if err != nil || string(text) != want {
			t.Errorf("%v: %s\nwant %s", err, text, want)
		}
	}
	if got := server.Statements(own, ""); got != nil {
		t.Errorf("for FleetLock %v", got)
	}
}
