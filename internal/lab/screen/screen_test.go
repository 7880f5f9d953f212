package screen_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"balanced/internal/lab/record"
	"balanced/internal/lab/screen"
)

// now is a fleet whose second instance is on its way out.
func now(size int) record.Now {
	n := record.Now{
		At: 83.4, Phase: "rolling out", Healthy: size - 1, Rate: 201, Requests: 12345, Lost: 2,
		Group: record.Group{Min: 3, Max: 9, Desired: size - 1, Minimum: size - 1},
	}
	for k := range size {
		i := record.InstanceNow{ID: fmt.Sprintf("i-%017x", k+1), Zone: "eu-west-1a", Rate: 50, Span: record.Span{
			State: "InService", Healthy: true, Version: "v1",
			Targets: []record.TargetState{{Source: "web-alb", State: "healthy"}, {Source: "web-clb", State: "healthy"}},
		}}
		if k == 1 {
			i.State, i.Healthy, i.Running, i.Rate, i.Lost = "EnteringStandby", false, "balanced out", 0, 2
			i.Targets[0].State, i.Targets[1].State = "draining", "unused"
		}
		n.Instances = append(n.Instances, i)
	}
	return n
}

func TestTableShowsEveryInstance(t *testing.T) {
	term := newTerminal(t, 120, 24)
	s := screen.New(term, term.size, false)
	s.Show(now(3))
	want := strings.TrimSpace(`
1m23s rolling out  2 lost  2 healthy, minimum 2  12,345 requests, 201/s  min 3, desired 2, max 9  Ctrl-C stops
INSTANCE             ZONE        STATE            web-alb    web-clb    VERSION  RUNNING               REQ/S  LOST
i-00000000000000001  eu-west-1a  InService        healthy    healthy    v1                                50     0
i-00000000000000002  eu-west-1a  EnteringStandby  draining   unused     v1       balanced out              0     2
i-00000000000000003  eu-west-1a  InService        healthy    healthy    v1                                50     0`)
	if got := term.seen(); got != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
	}
	if term.colours > 0 {
		t.Errorf("%d colours, although colour is off", term.colours)
	}
}

func TestTableReplacesTheOneBeforeAndLinesGoAboveIt(t *testing.T) {
	term := newTerminal(t, 120, 12)
	s := screen.New(term, term.size, true)
	s.Line("before")
	s.Show(now(6))
	s.Show(now(3))
	s.Line("first")
	s.Line("second")
	s.Show(now(4))
	lines := strings.Split(term.seen(), "\n")
	if len(lines) != 3+2+4 || lines[0] != "before" || lines[1] != "first" || lines[2] != "second" || !strings.HasPrefix(lines[3], "1m23s") {
		t.Errorf("the terminal shows\n%s", term.seen())
	}
	if term.colours == 0 {
		t.Error("no colour, although colour is on")
	}
	if term.writes != 6 {
		t.Errorf("%d writes for 6 calls, want 6", term.writes)
	}
	for n := range 20 {
		s.Line(fmt.Sprint("line ", n))
	}
	if got := strings.Join(term.gone, " "); !strings.HasPrefix(got, "before first second line 0 line 1") || strings.Contains(got, "1m23s") {
		t.Errorf("lines that scrolled away: %s", got)
	}
	if got := strings.Split(term.seen(), "\n"); got[len(got)-1] != lines[len(lines)-1] || got[len(got)-7] != "line 19" {
		t.Errorf("the terminal shows\n%s", term.seen())
	}
}

func TestCursorIsHiddenUntilClose(t *testing.T) {
	term := newTerminal(t, 120, 12)
	s := screen.New(term, term.size, true)
	s.Show(now(3))
	if !term.hidden || term.nowrap {
		t.Errorf("cursor hidden %v, lines cut %v", term.hidden, term.nowrap)
	}
	table := term.seen()
	s.Close()
	if term.hidden || term.seen() != table || term.row != 5 || term.column != 0 {
		t.Errorf("hidden %v, at line %d, column %d, over\n%s", term.hidden, term.row, term.column, term.seen())
	}
	s.Line("after")
	if got := term.seen(); got != table+"\nafter" {
		t.Errorf("the terminal shows\n%s", got)
	}
}

func TestHealthyInstancesAreCountedWhenTheyDoNotFit(t *testing.T) {
	term := newTerminal(t, 120, 8)
	s := screen.New(term, term.size, false)
	n := now(200)
	n.Instances[150].Running, n.Instances[150].Healthy, n.Instances[150].State = "./deploy.sh", false, "Standby"
	n.Instances[160].Healthy, n.Instances[160].State = false, "Pending"
	s.Show(n)
	s.Show(n)
	lines := strings.Split(term.seen(), "\n")
	if len(lines) != 7 || len(term.gone) > 0 {
		t.Fatalf("the terminal shows\n%s\nand %d lines scrolled away", term.seen(), len(term.gone))
	}
	for k, want := range []string{"1m23s", "INSTANCE", "i-00000000000000001", "i-00000000000000002", "i-00000000000000097", "i-000000000000000a1", "and 196 more: 196 healthy"} {
		if !strings.HasPrefix(lines[k], want) {
			t.Errorf("line %d is %q, want %s", k, lines[k], want)
		}
	}
}

func TestTableOn60ColumnsHasWholeStates(t *testing.T) {
	term := newTerminal(t, 60, 12)
	s := screen.New(term, term.size, false)
	s.Line("  12.3s  i-00000000000000002 | balanced: waiting for i-00000000000000002 to drain")
	s.Show(now(3))
	want := strings.TrimSpace(`
  12.3s  i-00000000000000002 | balanced: waiting for
        i-00000000000000002 to drain
1m23s rolling out  2 lost  2 healthy, minimum 2  12,345 re…
INSTANCE    STATE            web-alb  web-clb  VER  LOST
i-0000000…  InService        healthy  healthy  v1      0
i-0000000…  EnteringStandby  draini…  unused   v1      2
i-0000000…  InService        healthy  healthy  v1      0`)
	if got := strings.TrimSpace(term.seen()); got != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
	}
}

// The most important columns stay as long as there is room for them.
func TestTableFitsATerminalOfAnySize(t *testing.T) {
	for columns := 1; columns < 140; columns++ {
		for _, rows := range []int{1, 2, 3, 5, 30} {
			term := newTerminal(t, columns, rows)
			s := screen.New(term, term.size, true)
			for range 3 {
				s.Show(now(9))
			}
			if len(term.gone) > 0 && rows > 1 {
				t.Fatalf("%d by %d: %d lines scrolled away", columns, rows, len(term.gone))
			}
			for _, want := range []string{"EnteringStandby", "LOST"} {
				if columns > 15+2+4 && rows >= 5 && !strings.Contains(term.seen(), want) {
					t.Fatalf("%d by %d: no %s in\n%s", columns, rows, want, term.seen())
				}
			}
			if columns >= 80 && rows >= 5 && !strings.Contains(term.seen(), "balanced out") {
				t.Fatalf("%d by %d:\n%s", columns, rows, term.seen())
			}
		}
	}
}

func TestControlCharactersAreNotWritten(t *testing.T) {
	term := newTerminal(t, 120, 12)
	s := screen.New(term, term.size, false)
	s.Show(now(3))
	table := term.seen()
	s.Line("\x1b[2Ja\x1b[31mb\x1b]0;title\x07c\x1b]8;;x\x1b\\d\x1bMe\rf\ng\th\x00\u009b5Ai\u202ej\xff\x1b[12")
	if got, want := term.seen(), "abcdefg    hij"[:7]+"    hij\uFFFD\n"+table; got != want {
		t.Errorf("the terminal shows\n%q, want\n%q", got, want)
	}
	n := now(3)
	n.Phase, n.Instances[0].Running, n.Instances[0].Targets[0].Source = "\x1b[2J\n", "a\r\nb", "\x1b]2;\a"
	s.Show(n)
	if got := len(strings.Split(term.seen(), "\n")); got != 6 {
		t.Errorf("%d lines, want 6:\n%s", got, term.seen())
	}
}

func TestTableIsOverwrittenAfterTheTerminalBecameNarrower(t *testing.T) {
	term := newTerminal(t, 100, 20)
	s := screen.New(term, term.size, false)
	s.Line("above")
	s.Show(now(3))
	wide := term.seen()
	broken := newTerminal(t, 50, 20)
	broken.Write([]byte(strings.ReplaceAll(wide, "\n", "\r\n") + "\r\n"))
	*term = *broken
	s.Show(now(3))
	lines := strings.Split(term.seen(), "\n")
	if len(lines) != 6 || lines[0] != "above" || !strings.HasPrefix(lines[1], "1m23s") {
		t.Errorf("the terminal shows\n%s", term.seen())
	}
}

func TestOnRefusesWhatIsNoTerminal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := screen.On(f, func(string) string { return "" }); ok {
		t.Errorf("%s is taken for a terminal", f.Name())
	}
}

func TestErrorOfAWriteIsReturned(t *testing.T) {
	closed := errors.New("closed")
	s := screen.New(failing{closed}, func() (int, int) { return 80, 24 }, false)
	if err := s.Show(now(3)); !errors.Is(err, closed) {
		t.Errorf("Show: %v", err)
	}
	if err := s.Line("x"); !errors.Is(err, closed) {
		t.Errorf("Line: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
