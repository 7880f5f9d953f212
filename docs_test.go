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
	called, allowed := linked(t), map[string]bool{}
	for _, part := range strings.Split(read(t, "docs/iam.md"), "```json\n")[1:] { // in a group, outside of one, with what else there is
		text, _, _ := strings.Cut(part, "```")
		var policy struct {
			Statement []struct{ Action []string }
		}
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			t.Fatalf("a policy in docs/iam.md: %v", err)
		}
		for _, s := range policy.Statement {
			for _, action := range s.Action {
				allowed[action] = true
			}
		}
	}
	for action := range allowed {
		if !called[action] {
			t.Errorf("docs/iam.md allows %s, which nothing calls", action)
		}
	}
	for action := range called {
		if !allowed[action] {
			t.Errorf("docs/iam.md does not allow %s, which the binary can call", action)
		}
	}
}

// linked are the operations of AWS in the agent's binary, as a policy names them.
func linked(t *testing.T) map[string]bool {
	t.Helper()
	names, err := exec.Command("go", "tool", "nm", program(t, "balanced")).Output()
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

// pages are the documents, README.md first.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("docs/*.md")
	if err != nil || len(docs) < 10 {
		t.Fatalf("pages in docs: %d, %v", len(docs), err)
	}
	return append([]string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}, docs...)
}

// A link is where a page leads: a file, and where the link has one the anchor in it.
type link struct{ file, anchor string }

// links are those of a page that lead to files of this tree.
func links(t *testing.T, page string) []link {
	t.Helper()
	var all []link
	for _, m := range regexp.MustCompile(`\]\(([^):#]*)(#[^)]+)?\)`).FindAllStringSubmatch(read(t, page), -1) {
		file := page
		if m[1] != "" {
			file = filepath.Join(filepath.Dir(page), m[1])
		}
		all = append(all, link{file, m[2]})
	}
	return all
}

func leadsTo(t *testing.T, page, target string) bool {
	t.Helper()
	return slices.ContainsFunc(links(t, page), func(l link) bool { return l.file == target })
}

// TestEveryPageIsInTheIndex: README.md leads to the index and the index to every page, so that each is two clicks away.
func TestEveryPageIsInTheIndex(t *testing.T) {
	const index = "docs/README.md"
	if !leadsTo(t, "README.md", index) {
		t.Errorf("README.md does not link to %s", index)
	}
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/") && page != index && !leadsTo(t, index, page) {
			t.Errorf("%s does not link to %s", index, page)
		}
	}
}

func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	for _, page := range pages(t) {
		for _, l := range links(t, page) {
			if _, err := os.Stat(l.file); err != nil {
				t.Errorf("%s links to %s: %v", page, l.file, err)
			} else if l.anchor != "" && !slices.Contains(anchors(read(t, l.file)), l.anchor) {
				t.Errorf("%s links to %s of %s, which has no such heading", page, l.anchor, l.file)
			}
		}
	}
}

// fenced are the blocks between lines of three backticks: what begins with # in them is no heading.
var fenced = regexp.MustCompile("(?ms)^```.*?^```$")

// anchors are those that GitHub makes of the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, "#"+strings.ReplaceAll(kept, " ", "-"))
	}
	return all
}
