package conform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/smithy-go"
)

// pair is what two EnterStandby at the same moment were answered, where MinSize has room for one.
type pair struct {
	tried    bool
	accepted int
	loser    string // the refusal, up to its text
}

// pairFacts are about two moves at once.
func pairFacts() []Fact {
	return []Fact{
		{
			ID: "pair-one", Sure: Inferred, Needs: Moves, Modelled: "one accepted", Source: enterReference + ": the condition is checked by the service on every call",
			Statement: "Of two EnterStandby at the same moment with room above MinSize for one, one is accepted: MinSize is a lock.",
			check: func(_ context.Context, s *session) (string, error) {
				if !s.pair.tried {
					return "", cannot("MinSize is not one instance below the desired capacity")
				}
				return map[int]string{0: "none accepted", 1: "one accepted", 2: "both accepted"}[s.pair.accepted], nil
			},
		},
		{
			ID: "pair-loser", Sure: Open, Needs: Moves, Modelled: "400 ValidationError, MinSize", Source: enterReference + ", Errors, has ResourceContention; no transcript shows it",
			Settings:  []Setting{{"500 ResourceContention", "Behaviour.ContentionOnConcurrentMove"}},
			Statement: "The other one is refused because of MinSize, and not with ResourceContention.",
			check: func(_ context.Context, s *session) (string, error) {
				if s.pair.loser == "" {
					return "", cannot("no call of two was refused")
				}
				return s.pair.loser, nil
			},
		},
	}
}

// twoAtOnce asks for two members at the same moment.
func (s *session) twoAtOnce(ctx context.Context) error {
	one := s.home.members()[0]
	two := s.other(one)
	room, step := s.home.desired()-s.home.min(), s.weight(one)
	if s.out != nil && !s.out.answered.IsZero() {
		step = stepOf(s.out)
	}
	if step != s.weight(two) && step != 1 || room < step || room >= 2*step {
		return nil
	}
	s.progress("moving %s and %s to Standby at the same moment; MinSize has room for one", one, two)
	s.touch([]string{one, two})
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i, id := range []string{one, two} {
		both.Go(func() {
			_, errs[i] = s.enterUntouched(ctx, true, id)
		})
	}
	both.Wait()
	return s.notePair(errs)
}

// notePair notes what the two calls were answered.
func (s *session) notePair(errs []error) error {
	s.pair.tried = true
	for _, err := range errs {
		if err == nil {
			s.pair.accepted++
			continue
		}
		text, err := s.said(err)
		if err != nil {
			return err
		}
		s.pair.loser = loserOf(text)
	}
	return nil
}

// loserOf shortens a refusal to what tells the two possible ones apart.
func loserOf(text string) string {
	code, message, _ := strings.Cut(text, ": ")
	if strings.Contains(message, "To place into standby") {
		return code + ", MinSize"
	}
	if strings.HasSuffix(code, "ResourceContention") {
		return code
	}
	return text
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}
