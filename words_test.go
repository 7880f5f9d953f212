package balanced_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// awaitingPlainEnglish are pages that are rewritten on other branches, and one that make bench writes. Each leaves this
// list with the merge that brings its new text.
var awaitingPlainEnglish = []string{
	"docs/ansible.md", "docs/benchmarks.md", "docs/cloudformation.md", "docs/codedeploy.md", "docs/jenkins.md",
	"docs/knife.md", "docs/packer.md", "docs/ssm.md", "docs/terraform.md",
}

// privateWords are words that documents once had for things that the field, or the table of words in README.md, calls
// otherwise, and what to write.
var privateWords = map[string]string{
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
	`surplus`:                                "extra",
	`in vain|begone|befalls?|keeps its hands off`: "plain verbs",
	`sound`: "OK",
}

// ordinary is where such a word has its ordinary sense.
var ordinary = regexp.MustCompile(`serves (a|such a) fleet`)

// bareSeconds is a duration that is not written as 5m12s: "5 minutes" in prose is fine, "20 s" is not.
var bareSeconds = regexp.MustCompile(`\b\d+ s\b`)

func TestDocumentsUseTheWordsOfTheField(t *testing.T) {
	for _, page := range pages(t) {
		if slices.Contains(awaitingPlainEnglish, page) {
			continue
		}
		for i, line := range strings.Split(ordinary.ReplaceAllString(read(t, page), ""), "\n") {
			for words, instead := range privateWords {
				if found := regexp.MustCompile(`(?i)\b(` + words + `)\b`).FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %s", page, i+1, found, instead)
				}
			}
			if found := bareSeconds.FindString(line); found != "" && !strings.HasPrefix(line, "    ") && !strings.Contains(line, "at most") {
				t.Errorf("%s:%d: %q: write %ss", page, i+1, found, strings.TrimSuffix(found, " s"))
			}
		}
	}
}
