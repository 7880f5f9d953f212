// Package balanced_test holds what concerns all packages.
package balanced_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Name, Dir string
	GoFiles               []string
	Imports, Deps         []string // tests apart
}

const (
	awsSDK      = "github.com/aws/aws-sdk-go-v2"
	autoscaling = awsSDK + "/service/autoscaling"
	dynamoDB    = awsSDK + "/service/dynamodb"
	elbClassic  = awsSDK + "/service/elasticloadbalancing"
	elbV2       = awsSDK + "/service/elasticloadbalancingv2"
	urfave      = "github.com/urfave/cli/v2"
	vegeta      = "github.com/tsenart/vegeta/v12"
	yamlV3      = "gopkg.in/yaml.v3"
)

// listed asks go list once for all tests.
var listed = sync.OnceValues(func() (map[string]pkg, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports,Deps", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		all[strings.TrimPrefix(p.ImportPath, "balanced/")] = p
	}
	return all, nil
})

// ours lists the packages of this module by their path below it.
func ours(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var programsDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if programsDir != "" {
		_ = os.RemoveAll(programsDir) // what is left of it is in the folder for such things
	}
	os.Exit(code)
}

// built are balanced and balanced-lab, linked once for all tests.
var built = sync.OnceValues(func() (dir string, err error) {
	if programsDir, err = os.MkdirTemp("", "balanced-programs-"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-ldflags=-w", "-o", programsDir+string(filepath.Separator), "./cmd/balanced", "./cmd/balanced-lab")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return programsDir, nil
})

// program is one of the two.
func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func below(root string) func(string) bool {
	return func(p string) bool { return p == root || strings.HasPrefix(p, root+"/") }
}

func TestWhatMustNotBeLinked(t *testing.T) {
	all := ours(t)
	for _, c := range []struct {
		from string
		no   func(string) bool
		why  string
	}{
		{"cmd/balanced", below("balanced/internal/sim"), "the agent carries no simulator"},
		{"cmd/balanced", below("balanced/internal/lab"), "the agent carries no lab"},
		{"cmd/balanced", below("google.golang.org/grpc"), "what the probe needs of gRPC are five bytes and a status"},
		{"internal/sim", below("balanced"), "a fake that shares code with what it tests shares its mistakes"},
		{"internal/conform", below("balanced"), "the facts about AWS are checked without the agent's view of them"},
	} {
		p, there := all[c.from]
		if !there {
			t.Fatalf("no package %s: the rule about it holds nothing", c.from)
		}
		for _, dep := range p.Deps {
			if c.no(dep) {
				t.Errorf("%s links %s: %s", c.from, dep, c.why)
			}
		}
	}
}

func TestWhatMustNotBeImported(t *testing.T) {
	all := ours(t)
	adapters := []string{"asg", "elb", "imds", "probe", "lock", "targets"}
	pure := []string{"fleet", "failure", "format"}
	above := []string{"rotation", "doctor", "cli", "lab", "sim"}
	for name, p := range all {
		for _, i := range p.Imports {
			room, inside := strings.CutPrefix(i, "balanced/internal/")
			switch name {
			case "internal/rotation", "internal/doctor":
				if below(awsSDK)(i) {
					t.Errorf("%s imports %s: it speaks plain types", name, i)
				}
				if room == "cli" || room == "lab" || room == "sim" || room == "asg" || room == "elb" || name == "internal/rotation" && room == "doctor" {
					t.Errorf("%s imports %s: arrows point down", name, i)
				}
			case "internal/asg", "internal/elb", "internal/imds", "internal/probe", "internal/lock", "internal/targets", "internal/awsapi":
				if inside && (slices.Contains(adapters, room) || slices.Contains(above, room)) {
					t.Errorf("%s imports %s: adapters know nothing of one another or of what is above", name, i)
				}
			case "internal/fleet", "internal/failure", "internal/format":
				if inside && !slices.Contains(pure, room) {
					t.Errorf("%s imports %s: it is below everything", name, i)
				}
			case "internal/lab/page", "internal/lab/screen":
				if inside && room != "lab/record" {
					t.Errorf("%s imports %s: what is seen of a rehearsal is in the record", name, i)
				}
			case "internal/lab/appserver", "internal/lab/proxy":
				if inside && room != "procgroup" && room != "sim" {
					t.Errorf("%s imports %s: it knows the Region, or its server, and no more", name, i)
				}
			case "internal/lab":
				if room == "lab/traffic" || room == "lab/rehearsal" {
					t.Errorf("%s imports %s: a fleet does not know who uses it", name, i)
				}
			}
		}
	}
}

// TestTheFleetIsPlainValues: the same values give the same answer on every host, whatever the time.
func TestTheFleetIsPlainValues(t *testing.T) {
	may := []string{"cmp", "errors", "fmt", "slices", "strconv", "strings", "time"}
	p := ours(t)["internal/fleet"]
	for _, i := range p.Imports {
		if !slices.Contains(may, i) {
			t.Errorf("%s imports %s: no context, clock, log or I/O", p.ImportPath, i)
		}
	}
	for _, file := range p.GoFiles {
		if src := read(t, filepath.Join(p.Dir, file)); strings.Contains(src, "time.Now(") || strings.Contains(src, "time.Since(") {
			t.Errorf("%s/%s asks this host's clock", p.ImportPath, file)
		}
	}
}

func TestWhoAloneMayImport(t *testing.T) {
	may := map[string][]string{
		urfave:      {"internal/cli", "internal/manual", "cmd/balanced-lab"},
		autoscaling: {"internal/asg", "internal/conform"},
		dynamoDB:    {"internal/lock"},
		elbClassic:  {"internal/elb", "internal/conform"},
		elbV2:       {"internal/elb", "internal/conform"},
		vegeta:      {"internal/lab/traffic"},
		yamlV3:      {"internal/lab/rehearsal"},
	}
	used := map[string]bool{}
	for name, p := range ours(t) {
		for _, i := range p.Imports {
			for root, who := range may {
				if !below(root)(i) {
					continue
				}
				used[root] = true
				if !slices.Contains(who, name) {
					t.Errorf("%s imports %s: only %s may", name, i, strings.Join(who, " and "))
				}
			}
		}
	}
	for root := range may {
		if !used[root] {
			t.Errorf("nobody imports %s: the rule about it holds nothing", root)
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	for name, p := range ours(t) {
		for _, drawer := range []string{"util", "utils", "common", "helpers", "models", "types"} {
			if p.Name == drawer || path.Base(name) == drawer {
				t.Errorf("package %s: name it after what it is for", name)
			}
		}
	}
}

// TestOnlyMainExits: anything else would skip what is deferred, a rollback among it. Test helpers end tests, not programs.
func TestOnlyMainExits(t *testing.T) {
	for name, p := range ours(t) {
		if slices.Contains(p.Imports, "testing") {
			continue
		}
		for _, file := range p.GoFiles {
			for _, call := range exits(t, filepath.Join(p.Dir, file)) {
				if p.Name != "main" || call.in != "main" {
					t.Errorf("%s/%s: %s in func %s; only func main may", name, file, call.what, call.in)
				}
			}
		}
	}
}

type exit struct{ what, in string }

// exits finds os.Exit and every Fatal, those of loggers too.
func exits(t *testing.T, file string) []exit {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []exit
	for _, decl := range f.Decls {
		in := "-"
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
			in = fn.Name.Name
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				from, _ := sel.X.(*ast.Ident)
				ends := from != nil && (from.Name == "os" && sel.Sel.Name == "Exit" || from.Name == "log" && strings.HasPrefix(sel.Sel.Name, "Fatal"))
				if ends || sel.Sel.Name == "Fatal" || sel.Sel.Name == "Fatalf" {
					found = append(found, exit{sel.Sel.Name, in})
				}
			}
			return true
		})
	}
	return found
}
