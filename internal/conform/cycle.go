package conform

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const (
	// againAfter is when a move is asked for a second time: late enough that it is not a concurrent
	// request, and early in any drain.
	againAfter = 2 * time.Second
	// drainToSee is the least delay of a target group with which an instance is surely EnteringStandby
	// after againAfter. A target group drains for its whole delay.
	drainToSee = 10 * time.Second
	// heldRequests is how many requests to each URL are kept open during a move. Round robin over a few
	// members gives each of them some.
	heldRequests = 12
)

// outAndBack moves members out and back: the first one with everything that is asked on the way, the
// others for their times only.
func (s *session) outAndBack(ctx context.Context) error {
	first, err := s.mover(ctx)
	if err != nil {
		return err
	}
	ids := s.home.members()
	id := first
	for i := range s.o.Samples {
		s.progress("moving %s to Standby and back, %d of %d", id, i+1, s.o.Samples)
		out, back, err := s.cycle(ctx, id, i == 0)
		if i == 0 {
			s.out, s.back = out, back
		}
		if err != nil {
			return err
		}
		id = ids[(i+1)%len(ids)]
	}
	return nil
}

// cycle moves one member out and back. curious also makes the calls that have to be refused.
func (s *session) cycle(ctx context.Context, id string, curious bool) (out, back *passage, err error) {
	if out, err = s.moveOut(ctx, id, curious); err != nil || out.spoilt {
		return out, nil, err
	}
	if curious {
		if err := s.askInStandby(ctx, out); err != nil {
			return out, nil, err
		}
	}
	back, err = s.moveBack(ctx, out, curious)
	return out, back, err
}

func (s *session) moveOut(ctx context.Context, id string, curious bool) (*passage, error) {
	p, err := s.follow(ctx, id, "Standby", nil)
	if err != nil {
		return nil, err
	}
	defer s.hold()()

	activities, err := s.enter(ctx, true, id)
	if err != nil {
		return p, s.cannotMove(err)
	}
	p.begin(activities)
	s.home.expect(s.home.min(), s.home.max(), p.desired-stepOf(p))
	err = s.watch(ctx, p, func() error {
		if !curious || p.again > 0 || time.Since(p.answered) < againAfter {
			return nil
		}
		return s.askAgain(ctx, p)
	})
	p.note("Standby")
	s.measured.add(p)
	if err != nil {
		return p, err
	}
	return p, s.settle(ctx)
}

// begin notes the answer to the move.
func (p *passage) begin(activities []asgtypes.Activity) {
	p.answered = time.Now()
	if len(activities) > 0 {
		p.activity = activities[0]
	}
}

// cannotMove: a refused move ends its episode, and a failed one the run.
func (s *session) cannotMove(err error) error {
	text, err := s.said(err)
	if err != nil {
		return err
	}
	return cannot("the move was refused: %s", text)
}

// askAgain asks a second time for the move, and for the way back, while the instance moves.
func (s *session) askAgain(ctx context.Context, p *passage) error {
	p.again = time.Since(p.answered)
	_, err := s.enter(ctx, true, p.id)
	if err := s.refuse("enter-again-moving", err); err != nil {
		return err
	}
	if !s.drainsSurely() {
		return nil // it may be in Standby already, and leave it
	}
	_, err = s.exit(ctx, p.id)
	p.spoilt = err == nil
	return s.refuse("exit-while-moving", err)
}

func (s *session) drainsSurely() bool {
	for _, t := range s.home.targets {
		if s.home.delays[t.name] >= drainToSee {
			return true
		}
	}
	return false
}

func (s *session) moveBack(ctx context.Context, out *passage, curious bool) (*passage, error) {
	p, err := s.follow(ctx, out.id, "InService", out.healthyAt())
	if err != nil {
		return nil, err
	}
	p.desired = s.home.current["desired"]

	activities, err := s.exit(ctx, out.id)
	if err != nil {
		return p, s.cannotMove(err)
	}
	p.begin(activities)
	err = s.watch(ctx, p, func() error {
		if !curious || p.again > 0 || time.Since(p.answered) < againAfter {
			return nil
		}
		p.again = time.Since(p.answered)
		_, err := s.exit(ctx, out.id)
		return s.refuse("exit-again", err)
	})
	p.note("InService")
	s.measured.add(p)
	if err != nil {
		return p, err
	}
	s.home.expect(s.home.min(), s.home.max(), s.home.desired())
	return p, s.settle(ctx)
}

// hold keeps requests open until end is called. Their answers do not matter.
func (s *session) hold() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var open sync.WaitGroup
	for _, url := range s.o.Hold {
		for range heldRequests {
			open.Go(func() {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if err != nil {
					return
				}
				if resp, err := http.DefaultClient.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
	}
	return func() {
		cancel()
		open.Wait()
	}
}
