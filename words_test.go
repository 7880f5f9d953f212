package balanced_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Readers are not native speakers: they know the words of AWS and of the README, and no others. A word is here because
// it was one writer's own, or because another one already stands for the thing.
var privateWords = []struct{ words, write string }{
	{`mend(s|ed|ing)?|heals?|healed|cures?|cured`, "fix"},
	{`lets? go|letting go|released by`, "deregistered by"},
	{`floors?|strength`, "minimum, capacity"},
	{`claims?|claimed|claimants?|places?`, "slot, holder"},
	{`(gave|gives?|given|giving|sends?|sent) ((it|its|the) )?(place |slot )?back`, "rolled back"},
	{`speaks? against`, "waiting for safety checks to pass"},
	{`asked once`, "sent once"},
	{`no way back`, "cannot be cancelled before draining ends"},
	{`younger than`, "fresh reads"},
	{`put(s|ting)? off|put the start off`, "waiting a random delay"},
	{`the loop`, "the rollout"},
	{`can never be met|never be met`, "is impossible"},
	{`(cannot|can not) be asked|asks? in vain|in vain`, "unsupported, not answered"},
	{`other hands|hands off`, "something else changed it, never changes your settings"},
	{`as asked`, "name the flag"},
	{`taken away|while we|bugs? of ours`, "terminated or detached during the run, internal error"},
	{`said so|says so|told so`, "reports"},
	{`begone|bury|buried|befalls?|befell|kin|fate`, "plain verbs and nouns"},
	{`belongs? to the next boot`, "run after the reboot"},
	{`stray`, "unexpected"},
	{`sound`, "OK"},
	{`bounds?`, "time limit"},
	{`stand-ins?|standing`, "replacement, state"},
	{`sick|whoever`, "unhealthy, instances that"},
	{`surplus|leavers?`, "extra departures"},
	{`whole answers?|answered whole`, "successful"},
	{`to get out|to get in|lets? nobody|everybody|nobody`, "no instance, every"},
	{`serves?|serving`, "is in service, healthy"},
	{`owing|ere|thus|hence|whence|lest`, "plain words"},
}

// inTheirOrdinarySense are phrases in which such a word means what any reader takes it to mean, with the reason.
var inTheirOrdinarySense = map[string]string{
	"in place": "where it is: an upgrade, a registration that stays",
	"cannot be asked: out and in are refused": "VPC Lattice has no call that answers it",
}

// privateWordPatterns find the words of each row of privateWords. To compile them for every text takes longer than all else
// in this package.
var privateWordPatterns = sync.OnceValue(func() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, w := range privateWords {
		all = append(all, wholeWords(w.words))
	}
	return all
})

// wholeWords finds any of some words, in capitals or not.
func wholeWords(words string) *regexp.Regexp { return regexp.MustCompile(`(?i)\b(` + words + `)\b`) }

// unwanted are the words of a text that readers do not know.
func unwanted(text string) []string {
	var found []string
	for row, pattern := range privateWordPatterns() {
		for _, m := range pattern.FindAllString(text, -1) {
			found = append(found, strconv.Quote(m)+" (write: "+privateWords[row].write+")")
		}
	}
	return found
}

// TestMessagesUseWordsThatReadersKnow looks at every text in the code that people may be shown.
func TestMessagesUseWordsThatReadersKnow(t *testing.T) {
	used := map[string]bool{}
	all := ours(t)
	for _, name := range []string{"internal/cli", "internal/rotation", "internal/doctor", "internal/format", "internal/failure"} {
		if len(all[name].GoFiles) == 0 {
			t.Fatalf("no package %s: the rule about it holds nothing", name)
		}
		for _, file := range all[name].GoFiles {
			for _, l := range literals(t, filepath.Join(all[name].Dir, file)) {
				for _, word := range unwanted(ordinary(l.text, used)) {
					t.Errorf("%s/%s:%d: %s in %q", name, file, l.line, word, l.text)
				}
			}
		}
	}
	for phrase := range inTheirOrdinarySense {
		if !used[phrase] {
			t.Errorf("nothing says %q any more: drop the exception", phrase)
		}
	}
}

// ordinary is a text without the phrases that are fine, which it notes.
func ordinary(text string, used map[string]bool) string {
	for phrase := range inTheirOrdinarySense {
		if strings.Contains(text, phrase) {
			used[phrase], text = true, strings.ReplaceAll(text, phrase, "")
		}
	}
	return text
}

// The words are found in the forms that they take, and not inside others.
func TestUnwantedWordsAreFound(t *testing.T) {
	for text, want := range map[string]int{
		"Mend it, then balanced in": 1, "the floor 'all' is sick": 2, "gave its place back": 2, "let go of it": 1,
		"healthy, unhealthy, health checks": 0, "recommended": 0, "boundary": 0, "replaced": 0, "soundly": 0, "OK": 0,
	} {
		if got := unwanted(text); len(got) != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
}

type literal struct {
	line int
	text string
}

// literals are the strings of a file, without import paths and tags. Parts that are added up are one text.
func literals(t *testing.T, file string) []literal {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []literal
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.StructType: // its tags are for machines
			return false
		case *ast.BasicLit, *ast.BinaryExpr:
			text, whole := added(n.(ast.Expr))
			if text != "" {
				found = append(found, literal{files.Position(n.Pos()).Line, text})
			}
			return !whole
		}
		return true
	})
	return found
}

// added is the text of a literal, or of a sum of them; whole: nothing but literals and names is in it.
func added(e ast.Expr) (text string, whole bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ = strconv.Unquote(e.Value) // the parser has read it
		}
		return text, true
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, a := added(e.X)
		right, b := added(e.Y)
		return left + right, a && b
	case *ast.Ident:
		return "", true
	}
	return "", false
}
