package doctor_test

import (
	"cmp"
	"strings"
	"testing"

	"balanced/internal/doctor"
	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// With --lock a low MinSize is no fault, and whatever keeps out from taking a slot is one: the finding says what out
// would say, and the command that fixes it.
func TestDoctorAsksTheLock(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*world)
		check    string // default: lock
		severity doctor.Severity
		what     string
		fix      string
	}{
		"as it should be": {change: func(*world) {}},
		"no table": {
			func(w *world) { w.DeleteTable("locks") },
			"", doctor.Error, "no DynamoDB table locks in eu-west-1", "aws dynamodb create-table --table-name locks ",
		},
		"another key": {
			func(w *world) { w.AddTable(sim.Table{Name: "locks", Key: "id"}) },
			"", doctor.Error, "table locks does not take the item of group", "create a table with the partition key group, a string, and no sort key",
		},
		"not allowed": {
			func(w *world) { w.Deny("dynamodb:GetItem") },
			"permissions", doctor.Error, "dynamodb:GetItem is denied", `--role-name instance-role --policy-name balanced --policy-document "$(balanced policy --group web --lock dynamodb:locks)"`,
		},
		"no slot": {
			func(w *world) {
				w.SetItem("locks", `{"group":{"S":"`+w.GroupARN("web")+`"},"version":{"S":"1"},"holders":{"M":{"`+w.IDs[1]+`":{"S":"2000-01-01T00:00:00Z"}}}}`)
			},
			"", doctor.Warning, "the slot is taken in dynamodb:locks by ", "a slot whose holder died is free after 1m30s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := fleettest.WebGroup()
			g.Min = 1
			inWorld(t, sim.Config{}, g, func(w *world) {
				w.AddTable(sim.Table{Name: "locks", Key: "group"})
				w.Lock = "dynamodb:locks"
				c.change(w)
				r, err := w.doctor(doctor.Options{})
				switch {
				case err != nil:
					t.Fatal(err)
				case c.what == "" && len(r.Findings) > 0:
					t.Errorf("findings %q", found(r))
				case c.what == "":
				case len(r.Findings) != 1 || r.Findings[0].Check != cmp.Or(c.check, "lock"):
					t.Errorf("findings %q, want one of the lock", found(r))
				default:
					f := r.Findings[0]
					if f.Severity != c.severity || !strings.Contains(f.What, c.what) || !strings.Contains(f.Fix, c.fix) {
						t.Errorf("%+v", f)
					}
				}
				if r.Lock == nil || r.Lock.Kind != "dynamodb" || c.what == "" && r.Lock.Holders == nil {
					t.Errorf("the report has the lock as %+v", r.Lock)
				}
			})
		})
	}
}
