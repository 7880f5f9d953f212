package conform

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// drainFacts are about the load balancers while an instance leaves.
func drainFacts() []Fact {
	facts := []Fact{
		{
			ID: "target-draining", Sure: Documented, Modelled: "draining, Target.DeregistrationInProgress, Target deregistration is in progress", Source: "User Guide for Application Load Balancers, target health status",
			Statement: "A target that is being deregistered is draining.",
			check:     ofOut(func(p *passage) (string, error) { return p.drainText(opTargets) }),
		},
		{
			ID: "target-drains-fully", Sure: Documented, Modelled: "the whole delay", Source: "User Guide for Application Load Balancers, deregistration delay",
			Statement: "A target is draining for the whole deregistration delay, also an idle one.",
			check:     wholeDelay,
		},
		{
			ID: "target-vanishes", Sure: Recorded, Modelled: gone, Source: "recorded answers of 2026",
			Statement: "After the delay the target is missing from DescribeTargetHealth without names.",
			check: ofOut(func(p *passage) (string, error) {
				if t := p.track(opTargets); t != nil {
					return t.last(), nil
				}
				return "", cannot("the group has no target group")
			}),
		},
		{
			ID: "classic-draining", Sure: Documented, Modelled: "InService, N/A, Instance deregistration currently in progress.", Source: "User Guide for Classic Load Balancers, Configure connection draining",
			Statement: "A Classic Load Balancer calls an instance InService while it drains; only the Description tells.",
			check:     ofOut(func(p *passage) (string, error) { return p.drainText(opClassic) }),
		},
		{
			ID: "drains-together", Sure: Open, Modelled: "at the same time", Source: "AWS is silent", Settings: []Setting{{"in turn", "Behaviour.SerialDrains"}},
			Statement: "The load balancers of a group deregister an instance at the same time.",
			check:     ofOut(together),
		},
		{
			ID: "standby-after-drain", Sure: Open, Modelled: "after the last load balancer", Source: "User Guide: Elastic Load Balancing waits before it completes the deregistration", Settings: []Setting{{"by a timer of its own, *", "Behaviour.DrainTimer"}},
			Statement: "The instance is in Standby as soon as the last load balancer has deregistered it.",
			check:     ofOut(afterDrain),
		},
		{
			ID: "drain-status", Sure: Open, Modelled: "WaitingForELBConnectionDraining", Source: "seen on terminations; no trace of a draining move to Standby was found", Settings: []Setting{{"WaitingForConnectionDraining", "Behaviour.DrainCode"}, {"InProgress", "Behaviour.DrainCode"}},
			Statement: "While load balancers drain, the activity of the move is WaitingForELBConnectionDraining.",
			check:     ofOut(func(p *passage) (string, error) { return p.whileDraining(0) }),
		},
		{
			ID: "drain-description", Sure: Open, Modelled: "Moving EC2 instance to Standby: ID", Source: "terminations end with Waiting For ELB Connection Draining", Settings: []Setting{{"Moving EC2 instance to Standby: ID - Waiting For ELB Connection Draining.", "Behaviour.DrainSuffix"}},
			Statement: "While load balancers drain, the Description of the move does not change.",
			check:     ofOut(func(p *passage) (string, error) { return p.whileDraining(2) }),
		},
	}
	for i := range facts {
		facts[i].Needs = Moves
	}
	return facts
}

func draining(text string) bool {
	return strings.HasPrefix(text, "draining") || strings.Contains(text, "deregistration currently in progress")
}

// drainText is what load balancers of a kind showed while they drained.
func (p *passage) drainText(op string) (string, error) {
	var all []string
	tried := false
	for _, t := range p.balancers() {
		if t.op != op {
			continue
		}
		tried = true
		for _, m := range t.marks {
			if m.text != t.before && m.text != gone {
				all = append(all, m.text)
			}
		}
	}
	switch {
	case !tried:
		return "", cannot("the group has no such load balancer")
	case len(all) == 0:
		return "", cannot("it deregistered the instance at once")
	}
	return strings.Join(distinct(all), "; "), nil
}

// drain is when a load balancer was seen to drain.
type drain struct{ began, ended time.Duration }

// drains are the load balancers that were seen to drain, by name.
func (p *passage) drains() map[string]drain {
	all := map[string]drain{}
	for _, t := range p.balancers() {
		began, ok1 := t.first(draining)
		ended, ok2 := t.first(func(text string) bool { return text == gone })
		if ok1 && ok2 && ended > began {
			all[t.of] = drain{began, ended}
		}
	}
	return all
}

// coarse is how much two times that are measured with looks up to four ticks apart may differ.
func (s *session) coarse() time.Duration { return 4*s.o.Times.Tick + time.Second }

func wholeDelay(_ context.Context, s *session) (string, error) {
	if s.out == nil {
		return "", cannot("no member was moved to Standby")
	}
	drains := s.out.drains()
	for _, t := range s.home.targets {
		d, seen := drains[t.name]
		if delay := s.home.delays[t.name]; seen && (d.ended-d.began-delay).Abs() > s.coarse() {
			return fmt.Sprintf("%s of %s", (d.ended - d.began).Round(time.Second), delay), nil
		} else if seen {
			return "the whole delay", nil
		}
	}
	return "", cannot("no target group was seen to drain")
}

// together says whether two drains overlapped, by more than the read lag makes of drains in turn.
func together(p *passage) (string, error) {
	drains := p.drains()
	if len(drains) < 2 {
		return "", cannot("fewer than two load balancers were seen to drain; an idle Classic Load Balancer is done at once")
	}
	lastBegan, firstEnded, shortest := time.Duration(0), time.Hour, time.Hour
	for _, d := range drains {
		lastBegan, firstEnded, shortest = max(lastBegan, d.began), min(firstEnded, d.ended), min(shortest, d.ended-d.began)
	}
	if firstEnded-lastBegan > shortest/2 {
		return "at the same time", nil
	}
	return "in turn", nil
}

// timerMargin is the least time between the end of the drains and Standby that is not read lag.
const timerMargin = 5 * time.Second

func afterDrain(p *passage) (string, error) {
	last, seen := time.Duration(0), false
	for _, t := range p.balancers() {
		began, drained := t.first(draining)
		ended, over := t.first(func(text string) bool { return text == gone })
		if seen = seen || drained; drained && !over {
			ended = began + time.Hour
		}
		last = max(last, ended)
	}
	switch {
	case !seen || p.arrived == 0:
		return "", cannot("no load balancer was seen to drain")
	case p.arrived < last-timerMargin:
		return "by a timer of its own, before the last load balancer", nil
	case p.arrived > last+2*timerMargin:
		return "by a timer of its own, after the last load balancer", nil
	}
	return "after the last load balancer", nil
}

// whileDraining is a part of the activity in the middle of the longest drain before Standby.
func (p *passage) whileDraining(part int) (string, error) {
	longest := drain{}
	for _, d := range p.drains() {
		d.ended = min(d.ended, p.arrived)
		if d.ended-d.began > longest.ended-longest.began {
			longest = d
		}
	}
	middle := (longest.began + longest.ended) / 2
	text := ""
	for _, m := range p.track(opActivities).marks {
		if m.at <= middle {
			text = m.text
		}
	}
	parts := strings.SplitN(text, "|", 3)
	if longest.ended-longest.began < drainToSee || len(parts) < 3 {
		return "", cannot("no load balancer drained for %s", drainToSee)
	}
	return parts[part], nil
}
