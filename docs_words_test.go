package balanced_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// awaitingPlainEnglish are pages whose text comes from elsewhere: make bench writes this one.
var awaitingPlainEnglish = []string{"docs/benchmarks.md"}

// pageWords are words that documents once had for things that the field, or the table of words in README.md, calls
// otherwise, and what to write.
var pageWords = map[string]string{
	`mend(s|ed|ing)?|heal(s|ed|ing)?|cures?`: "fix",
	`lets? go of|lets? go`:                   "deregistered",
	`floor`:                                  "minimum",
	`strength`:                               "capacity",
	`claims?|claimants?`:                     "slot, holder",
	`gave its place|give (it )?back|undo`:    "roll back",
	`sick`:                                   "unhealthy",
	`serves|serving`:                         "healthy, in service",
	`a bug of ours`:                          "internal error",
	`handed through`:                         "passed on",
	`stray`:                                  "unexpected",
	`surplus leavers?`:                       "extra",
	`in vain|begone|befalls?|keeps its hands off`: "plain verbs",
	`sound`: "OK",
}

// ordinaryInPages is where such a word has its ordinaryInPages sense.
var ordinaryInPages = regexp.MustCompile(`serves (a|such a) fleet`)

// codeSpan is code within a line: old names are named in CHANGELOG.md.
var codeSpan = regexp.MustCompile("`[^`]*`")

// prose is a page without its code, line by line.
func prose(page string) []string {
	text := fenced.ReplaceAllStringFunc(page, func(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) })
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "    ") {
			lines[i] = ""
		}
	}
	return lines
}

func TestDocumentsUseTheWordsOfTheField(t *testing.T) {
	patterns := map[string]*regexp.Regexp{}
	for words := range pageWords {
		patterns[words] = wholeWords(words)
	}
	for _, page := range pages(t) {
		if slices.Contains(awaitingPlainEnglish, page) {
			continue
		}
		for i, line := range prose(read(t, page)) {
			line = ordinaryInPages.ReplaceAllString(codeSpan.ReplaceAllString(line, ""), "")
			for words, instead := range pageWords {
				if found := patterns[words].FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %s", page, i+1, found, instead)
				}
			}
		}
	}
}
