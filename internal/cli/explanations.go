package cli

// An explanation is what a person wants to know about a code at three in the morning. docs/exit-codes.md has the same
// words.
type explanation struct {
	short string // the meaning in a few words, for the help of a command
	cause string // what usually causes it
	fix   string // what to do
}

// explanations are by code: those of codes() and of otherCodes().
func explanations() map[int]explanation {
	all := map[int]explanation{
		0: {
			"done and proven, or nothing to do",
			"The instance is in the state that was asked for, or there was nothing to do.",
			"Go on.",
		},
		1: {
			"internal error",
			"An error that balanced does not expect. Whether anything was moved is not known.",
			"Read the last line and the report, then look with `balanced status`. Please report it, with the output of `--log-level debug`.",
		},
		3: {
			"status: not in service or not healthy; doctor: warnings",
			"The instance is in Standby, on its way, or unhealthy at a load balancer. `doctor` found warnings and no error.",
			"The output says which. Nothing was changed.",
		},
		4: {
			"status: in no Auto Scaling group",
			"No Auto Scaling group lists the instance.",
			"Attach the instance to a group, or do not run balanced on it.",
		},
		64: {
			"the command line or a variable is wrong",
			"A flag, an argument or a `BALANCED_` variable is wrong. The last line names it. Nothing was asked of AWS.",
			"Correct it. `balanced help COMMAND` lists the flags.",
		},
		69: {
			"AWS or the metadata service is out of reach",
			"The metadata service, AWS, the FleetLock server, or the network between is down; calls were throttled for three hours, or for the whole limit of a hook; or the role's credentials expired.",
			"Run it again when that is over. If it stays, check the route, the proxy, the VPC endpoints and the clock of the host.",
		},
		73: {
			"a file that was named cannot be written",
			"The folder of `--report` or `--metrics-file` does not exist or cannot be written to, or the name belongs to something other than a plain file.",
			"Name a file in a folder that can be written to.",
		},
		75: {
			"not now; run it again later",
			"Nothing is wrong with this instance, but it was a bad moment, and the last line says why. Most often a peer is out of service, or peers are unhealthy. A hold file, another run on this host, or a lock without a free slot ends with this code too.",
			"Wait and run it again. Where the line names a peer that has been out for long, its upgrade failed: finish the upgrade there, run `balanced in` there, then start the rollout again. Where it names a hold file, ask who made it.",
		},
		77: {
			"a permission or the credentials are missing",
			"The instance's role lacks an action, or there is no role. The last line names it.",
			"Allow the action. `balanced policy` prints the whole policy; iam.md explains it.",
		},
		78: {
			"something must be changed first",
			"A setting stands in the way and waiting does not help: the instance is in no group, a process is suspended, MinSize leaves no slot, `--min-healthy` is impossible for a group of this size, the metadata service is restricted, `--lock` names a table that does not exist, or `AWS_REGION` is not the instance's.",
			"The last line names the setting. `balanced doctor` finds all of them and prints a command for each.",
		},
		80: {
			"this host does not pass its load balancers' checks; not moved",
			"The application on this host fails a check that its load balancers would make. The last line has the request and the last answer: `GET :8080/health: 503 after 42s`. The host is still in Standby and gets no traffic. An application that listens only on the loopback address fails too. With `ready` the instance is in `Pending:Wait`, and its launch hook decides when it times out.",
			"Send the same request with `curl` to the instance's own address. Fix the application, then run `balanced in`, or `balanced ready` on a new instance. If it only starts slowly, give a longer `--timeout`. If the check itself is wrong, change it at the load balancer; until then `--probe URL` asks something else and `--probe off` asks nothing, but the load balancers still make their own checks.",
		},
		81: {
			"this instance is leaving the group; not moved",
			"The group is terminating or detaching the instance, or AWS has announced that it will stop it.",
			"Leave it alone. Upgrade the instance that replaces it.",
		},
		82: {
			"begun and not finished; run it again to go on",
			"A move began and did not end in time, AWS stopped answering meanwhile, or the instance is back and a FleetLock server did not confirm that its slot is free.",
			"Run the same command again: it goes on from where the instance is. If that happens again and again, draining takes longer than `--timeout`, or a load balancer does not deregister the instance: `balanced status` shows which.",
		},
		83: {
			"moved back, or launched, and not healthy in time",
			"The instance returned and at least one load balancer did not call it healthy. The last line says where it is now: in Standby again, or left in service because too few peers were healthy or because of `--on-unhealthy leave`. With `ready` the launch hook was completed and the instance is not healthy, or the launch was abandoned because the host did not pass (`--on-unfit abandon`): then Auto Scaling terminates it and launches another.",
			"Fix the application. If the instance is in Standby, run `balanced in`. If it was left in service, the load balancers send it no traffic while it fails their checks, but with `ELB` health checks Auto Scaling may replace it. Where new instances end with this code one after another, the image is bad: stop the instance refresh.",
		},
		84: {
			"rolled back; in service again",
			"Two instances left at the same time and this one was the later, or too few stayed healthy while it drained. It returned, and is healthy again.",
			"Run it again.",
		},
		85: {
			"the state is not known",
			"Rolling back failed, or AWS's answers leave open where the instance is.",
			"Read the last line, then look with `balanced status`. The instance may be in Standby, and nothing brings it back by itself: check that it is complete, then run `balanced in`.",
		},
		86: {
			"terminated or detached during the run",
			"The instance was terminated, detached or reclaimed while the run was going on.",
			"Nothing can be repaired on it. Check that the group launches its replacement.",
		},
		126: {
			"run: COMMAND could not be started",
			"The file is there and cannot be executed. `run` moved nothing, or the instance is in service again; one that was in Standby before stays there.",
			"Correct the command after `--`.",
		},
		127: {
			"run: COMMAND was not found",
			"There is no such program, often because the program and its arguments were quoted as one word. `run` moved nothing, or the instance is in service again; one that was in Standby before stays there.",
			"Correct the command after `--`.",
		},
	}
	for _, code := range []int{129, 130, 143} {
		all[code] = explanation{
			"stopped by a signal",
			"Somebody stopped it: a closed terminal (SIGHUP), Ctrl-C (SIGINT), or SIGTERM.",
			"The last line says where the instance is and what to run next.",
		}
	}
	return all
}

// otherCodes are those of single commands.
func otherCodes() []exitCode {
	return []exitCode{
		{3, "an answer of `status` or `doctor`, and no failure", "no", "", -1},
		{4, "an answer of `status`, and no failure", "no", "", -1},
		{126, "`run` could not start COMMAND", "maybe", "no", -1},
		{127, "`run` did not find COMMAND", "maybe", "no", -1},
	}
}
