package balanced_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryExitCodeIsInTheREADMEWithWhatToDo leaves the table of docs/exit-codes.md to
// internal/cli, which has the codes.
func TestEveryExitCodeIsInTheREADMEWithWhatToDo(t *testing.T) {
	page, readme := read(t, "docs/exit-codes.md"), read(t, "README.md")
	table := regexp.MustCompile(`(?m)^\| (\d+) \| .* \| (.*) \| (.*) \|$`).FindAllStringSubmatch(page, -1)
	if len(table) == 0 {
		t.Fatal("no table in docs/exit-codes.md")
	}
	for _, row := range table {
		code, moved, retry := row[1], row[2], row[3]
		if !regexp.MustCompile(`(?m)^\*\*(\d+, )*` + code + `[.,]`).MatchString(page) {
			t.Errorf("docs/exit-codes.md does not say what to do about %s", code)
		}
		same := fmt.Sprintf(`(?m)^\| (\d+, )*%s(, \d+)* \| .* \| %s \| %s ?\|$`, code, moved, retry)
		if !regexp.MustCompile(same).MatchString(readme) {
			t.Errorf("README.md has no row for %s with moved %q and retry %q", code, moved, retry)
		}
	}
}

// TestThePolicyAllowsWhatIsCalledAndNothingElse reads the calls from the interfaces
// through which the adapters reach AWS.
func TestThePolicyAllowsWhatIsCalledAndNothingElse(t *testing.T) {
	called := map[string]bool{}
	for dir, prefix := range map[string]string{"internal/asg": "autoscaling:", "internal/elb": "elasticloadbalancing:"} {
		for _, op := range operations(t, dir) {
			called[prefix+op] = true
		}
	}
	_, after, _ := strings.Cut(read(t, "docs/iam.md"), "```json\n")
	text, _, _ := strings.Cut(after, "```")
	var policy struct {
		Statement []struct{ Action []string }
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatalf("the policy in docs/iam.md: %v", err)
	}
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if !called[action] {
				t.Errorf("docs/iam.md allows %s, which nothing calls", action)
			}
			delete(called, action)
		}
	}
	for action := range called {
		t.Errorf("docs/iam.md does not allow %s", action)
	}
}

// operations are the methods of the SDK's clients that a package declares to use.
func operations(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						ops = append(ops, name.Name)
					}
				}
			}
			return true
		})
	}
	ops = slices.DeleteFunc(ops, func(op string) bool {
		return !strings.HasPrefix(op, "Describe") && !strings.HasSuffix(op, "Standby")
	})
	if len(ops) == 0 {
		t.Fatalf("%s declares no calls: the policy cannot be compared", dir)
	}
	return ops
}

func TestDocumentsLinkToFilesThatAreThere(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range append(docs, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, link := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", doc, link[1], err)
			}
		}
	}
}
