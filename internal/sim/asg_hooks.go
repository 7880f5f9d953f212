package sim

import "slices"

func (r *Region) describeLifecycleHooks(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	names := q.values("LifecycleHookNames")
	hooks := slices.DeleteFunc(slices.Clone(g.Hooks), func(h Hook) bool {
		return len(names) > 0 && !slices.Contains(names, h.Name)
	})
	list(d, "LifecycleHooks", hooks, func(h Hook) { h.write(d, g.Name) })
	return nil
}

func (h Hook) write(d *document, group string) {
	d.text("LifecycleHookName", h.Name)
	d.text("AutoScalingGroupName", group)
	d.text("LifecycleTransition", h.transition())
	d.textIf("NotificationMetadata", h.Metadata)
	d.seconds("HeartbeatTimeout", h.heartbeat())
	d.seconds("GlobalTimeout", h.globalTimeout())
	d.text("DefaultResult", h.defaultResult())
}

func (r *Region) completeLifecycleAction(q *query, _ *document) error {
	if err := q.required("LifecycleActionResult"); err != nil {
		return err
	}
	a, err := r.namedAction(q)
	if err != nil {
		return err
	}
	switch result := q.get("LifecycleActionResult"); result {
	case resultContinue, resultAbandon:
		a.complete(result, "Lifecycle Action Completed with "+result+" Result")
		return nil
	}
	return validationError("Lifecycle Action Result must be one of {'CONTINUE', 'ABANDON'}")
}

// recordLifecycleActionHeartbeat puts off an action's time-out by its heartbeat timeout, up to the
// global timeout.
func (r *Region) recordLifecycleActionHeartbeat(q *query, _ *document) error {
	a, err := r.namedAction(q)
	if err != nil {
		return err
	}
	a.deadline = r.now.Add(a.hook.heartbeat())
	if last := a.began.Add(a.hook.globalTimeout()); a.deadline.After(last) {
		a.deadline = last
	}
	return nil
}

// namedAction is the lifecycle action that a request names, by instance or by token.
func (r *Region) namedAction(q *query) (*hookAction, error) {
	if err := q.required("LifecycleHookName"); err != nil {
		return nil, err
	}
	g, err := r.namedGroup(q)
	if err != nil {
		return nil, err
	}
	id, token := q.get("InstanceId"), q.get("LifecycleActionToken")
	for _, in := range g.members {
		for _, a := range in.move.actions {
			if a.hook.Name == q.get("LifecycleHookName") && (token == a.token || token == "" && id == in.id) {
				return a, nil
			}
		}
	}
	if token != "" {
		return nil, validationError("No active Lifecycle Action found with token %s", token)
	}
	return nil, validationError("No active Lifecycle Action found with instance ID %s", id)
}
