package sim

// replaceRootVolume replaces an instance's root volume and keeps the instance (User Guide, "Replace
// root volumes during instance refresh"). Terminating hooks run at ReplacingRootVolume:Wait, launch
// hooks at Pending:Wait. That load balancers deregister the instance meanwhile is inferred from its
// way back through Pending; AWS has not published the description of the activity.
func (r *Region) replaceRootVolume(g *group, in *instance) {
	r.cancelMove(in)
	r.transition(in, stateReplacing)
	in.move.activity = r.startActivity(g, in, "Replacing root volume of EC2 instance: "+in.id, statusInPlaceStart, 30, in.replacement.cause)
	r.deregisterFromAll(in, func() {
		r.runHooks(in, g.hooksOf(true), func(abandoned string) {
			if abandoned != "" { // a failed replacement ends in termination
				r.endActivity(in.move.activity, statusFailed, abandoned)
				r.terminate(in, in.replacement.cause)
				return
			}
			r.setStatus(in.move.activity, statusInPlace, 50)
			r.continueAfter(in, r.config.Timing.RootVolumeTime, func() { r.rootVolumeReplaced(g, in) })
		})
	})
}

func (r *Region) rootVolumeReplaced(g *group, in *instance) {
	in.replacement.rootVolume, in.image = r.now, g.imageNow()
	r.setState(in, stateReplaced)
	r.setStatus(in.move.activity, statusInPlaceFinish, 80)
	r.continueAfter(in, r.config.Timing.MoveTime, func() {
		r.setState(in, statePending)
		r.runHooks(in, g.hooksOf(false), func(abandoned string) {
			if abandoned != "" {
				r.endActivity(in.move.activity, statusFailed, abandoned)
				r.launchFailed(g)
				r.terminate(in, in.replacement.cause)
				return
			}
			wait := r.registerWithAll(g, in)
			r.continueAfter(in, wait, func() { r.enterService(g, in) })
		})
	})
}

// replacing says whether a lifecycle state is one of a root volume replacement before Pending.
func replacing(state string) bool {
	switch state {
	case stateReplacing, stateReplacing + ":Wait", stateReplacing + ":Proceed", stateReplaced:
		return true
	}
	return false
}
