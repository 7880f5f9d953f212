package balanced_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balanced/internal/metrics"
)

const metricsPage = "docs/metrics-and-alarms.md"

// block is the first one of a language on a page, after a text.
func block(t *testing.T, page, after, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, page), after)
	_, rest, fenced := strings.Cut(rest, "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !fenced || !closed {
		t.Fatalf("%s has no block of %s after %q", page, language, after)
	}
	return text
}

func TestTheMetricsAreThoseOfThePage(t *testing.T) {
	file, out := filepath.Join(t.TempDir(), "balanced.prom"), false
	err := metrics.Update(file, "out", metrics.Run{
		End: time.Date(2026, 11, 26, 8, 13, 33, 412e6, time.UTC), Duration: 20871 * time.Millisecond, InService: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(read(t, file)), strings.TrimSpace(block(t, metricsPage, "--metrics-file", "text")); got != want {
		t.Errorf("the file is\n%s\nand %s has\n%s", got, metricsPage, want)
	}
}

// ruleTests are what the rules of the page do with a host that was left out of service, and
// with one that was told to come later.
const ruleTests = `rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - { series: 'balanced_in_service{instance="left-out",job="node"}', values: 0x200 }
      - { series: 'balanced_last_run_end_timestamp_seconds{instance="left-out",job="node",command="out"}', values: 60x200 }
      - { series: 'balanced_last_run_exit_code{instance="left-out",job="node",command="in"}', values: 80x200 }
      - { series: 'balanced_in_service{instance="fine",job="node"}', values: 1x200 }
      - { series: 'balanced_last_run_end_timestamp_seconds{instance="fine",job="node",command="in"}', values: 60x200 }
      - { series: 'balanced_last_run_exit_code{instance="fine",job="node",command="out"}', values: 75x200 }
    alert_rule_test:
      - { eval_time: 59m, alertname: InstanceLeftOutOfService }
      - eval_time: 63m
        alertname: InstanceLeftOutOfService
        exp_alerts:
          - exp_labels: { severity: page, instance: left-out, job: node }
            exp_annotations: { summary: "left-out has been out of service for an hour. Finish the work there, then run balanced in." }
      - { eval_time: 10m, alertname: BalancedRunFailed }
      - eval_time: 20m
        alertname: BalancedRunFailed
        exp_alerts:
          - exp_labels: { instance: left-out, job: node, command: in }
            exp_annotations: { summary: "left-out: balanced in exited 80. Run balanced exit-codes." }
`

func TestTheAlertRulesOfThePageGoOff(t *testing.T) {
	needs(t, "promtool")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rules.yml"), block(t, metricsPage, "Alert rules", "yaml"), 0o644)
	write(t, filepath.Join(dir, "tests.yml"), ruleTests, 0o644)
	promtool := exec.CommandContext(t.Context(), "promtool", "test", "rules", "tests.yml")
	promtool.Dir = dir
	if out, err := promtool.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
