package balanced_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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

// TestThePolicyAllowsWhatIsCalledAndNothingElse takes what can be called from the
// binary. One interface that holds a client of the SDK would bring back all operations
// of its service, and five megabytes with them; nothing else would tell.
func TestThePolicyAllowsWhatIsCalledAndNothingElse(t *testing.T) {
	called := linked(t)
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
		t.Errorf("docs/iam.md does not allow %s, which the binary can call", action)
	}
}

// linked are the operations of AWS in the agent's binary, as a policy names them.
func linked(t *testing.T) map[string]bool {
	t.Helper()
	agent := filepath.Join(t.TempDir(), "balanced")
	if out, err := exec.Command("go", "build", "-o", agent, "./cmd/balanced").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	names, err := exec.Command("go", "tool", "nm", agent).Output()
	if err != nil {
		t.Fatalf("go tool nm: %v", err)
	}
	operation := regexp.MustCompile(`service/(autoscaling|elasticloadbalancing)(?:v2)?\.\(\*Client\)\.([A-Z]\w+)\n`)
	found := map[string]bool{}
	for _, m := range operation.FindAllStringSubmatch(string(names), -1) {
		found[m[1]+":"+m[2]] = true
	}
	if len(found) == 0 {
		t.Fatal("the binary calls nothing: the policy cannot be compared")
	}
	return found
}

func TestTheREADMELinksToEveryPage(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatalf("pages in docs: %d, %v", len(docs), err)
	}
	readme := read(t, "README.md")
	for _, doc := range docs {
		if !strings.Contains(readme, "]("+doc) {
			t.Errorf("README.md does not link to %s", doc)
		}
	}
}

func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range append(docs, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, link := range regexp.MustCompile(`\]\(([^):#]*)(#[^)]+)?\)`).FindAllStringSubmatch(read(t, doc), -1) {
			file := doc
			if link[1] != "" {
				file = filepath.Join(filepath.Dir(doc), link[1])
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", doc, link[1], err)
			} else if link[2] != "" && !slices.Contains(anchors(read(t, file)), link[2]) {
				t.Errorf("%s links to %s of %s, which has no such heading", doc, link[2], file)
			}
		}
	}
}

// anchors are those that GitHub makes of the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, "#"+strings.ReplaceAll(kept, " ", "-"))
	}
	return all
}
