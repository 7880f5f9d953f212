package fleet

import "slices"

// WithLeaving is the group as it will be once the named members have left, those of them that are still in service:
// each on its way to Standby, and the desired capacity lower by one as far as MinSize allows.
func (s Snapshot) WithLeaving(ids []string) Snapshot {
	s.Group.Members = slices.Clone(s.Group.Members)
	for i, m := range s.Group.Members {
		if m.ID == s.ID || m.State != InService || !slices.Contains(ids, m.ID) {
			continue
		}
		s.Group.Members[i].State = EnteringStandby
		s.Group.Desired = max(s.Group.Desired-1, min(s.Group.Desired, s.Group.Min))
	}
	return s
}
