//go:build unix

package ways

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// ssmService is Run Command, as far as the runbook asks it, over the wire that boto3
// speaks.
type ssmService struct {
	*stage
	url         string
	unreachable map[string]bool // instances whose agent has not been heard from lately
	lost        map[string]bool // instances that stop answering once the command is on its way

	mu       sync.Mutex
	commands []*sentCommand // the newest first, as ListCommands has them
}

// sentCommand is one that was sent, with what became of it on each instance.
type sentCommand struct {
	CommandId, DocumentName, Comment string
	invocations                      []invocation
}

type invocation struct {
	CommandId, InstanceId, Status, StatusDetails string

	steps []stepResult
}

func newSSM(s *stage) *ssmService {
	svc := &ssmService{stage: s, unreachable: map[string]bool{}, lost: map[string]bool{}}
	server := httptest.NewServer(svc)
	s.Cleanup(server.Close)
	svc.url = server.URL
	return svc
}

// send runs a document on instances, so many at a time, and stops sending it after the
// first that failed. What cannot be delivered does not count as failed.
func (svc *ssmService) send(document, comment string, ids []string, atOnce int, parameters map[string]string) *sentCommand {
	svc.Helper()
	c := &sentCommand{CommandId: fmt.Sprintf("00000000-0000-4000-8000-%012d", len(svc.commands)+1), DocumentName: document, Comment: comment}
	failed := false
	for some := range slices.Chunk(ids, atOnce) {
		results := make([]invocation, len(some))
		var group sync.WaitGroup
		for i, id := range some {
			group.Go(func() { results[i] = svc.invoke(c.CommandId, document, id, parameters, failed) })
		}
		group.Wait()
		for _, r := range results {
			failed = failed || r.StatusDetails == "Failed" || r.StatusDetails == "ExecutionTimedOut"
		}
		c.invocations = append(c.invocations, results...)
	}
	svc.mu.Lock()
	defer svc.mu.Unlock()
	svc.commands = slices.Insert(svc.commands, 0, c)
	return c
}

func (svc *ssmService) invoke(command, document, id string, parameters map[string]string, terminated bool) invocation {
	i := invocation{CommandId: command, InstanceId: id}
	switch {
	case terminated:
		i.Status, i.StatusDetails = "Failed", "Terminated"
	case svc.lost[id]:
		i.Status, i.StatusDetails = "TimedOut", "DeliveryTimedOut"
	default:
		i.steps = svc.document(id, document, parameters)
		i.Status = ended(i.steps)
		i.StatusDetails = i.Status
		if i.Status == stepTimedOut {
			i.StatusDetails = "ExecutionTimedOut"
		}
	}
	return i
}

// failed says whether the step of the runbook that sent it fails: an Incomplete command is
// taken for a success here, which AWS documents neither way.
func (c *sentCommand) failed() bool {
	return slices.ContainsFunc(c.invocations, func(i invocation) bool { return i.Status == "Failed" || i.StatusDetails == "ExecutionTimedOut" })
}

// ServeHTTP answers as JSON 1.1 of AWS: the operation is in a header.
func (svc *ssmService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		CommandId, InstanceId, PluginName string
		Details                           bool
		Filters                           []struct {
			Key, Value string
			Values     []string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	svc.mu.Lock()
	defer svc.mu.Unlock()
	var out map[string]any
	switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
	case "DescribeInstanceInformation":
		out = map[string]any{"InstanceInformationList": svc.information(in.Filters[0].Values)}
	case "ListCommands":
		out = map[string]any{"Commands": svc.sent(in.Filters[0].Value)}
	case "ListCommandInvocations":
		out = map[string]any{"CommandInvocations": svc.invocationsOf(in.CommandId, in.InstanceId, in.Details)}
	case "GetCommandInvocation":
		out = svc.outputOf(in.CommandId, in.InstanceId, in.PluginName)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if out == nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "ValidationException", "message": r.Header.Get("X-Amz-Target")}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		svc.Errorf("answer to boto3: %v", err)
	}
}

func (svc *ssmService) information(ids []string) []any {
	list := []any{}
	for _, id := range ids {
		ping := "Online"
		if svc.unreachable[id] {
			ping = "ConnectionLost"
		}
		list = append(list, map[string]any{"InstanceId": id, "PingStatus": ping})
	}
	return list
}

func (svc *ssmService) sent(document string) []*sentCommand {
	return slices.DeleteFunc(slices.Clone(svc.commands), func(c *sentCommand) bool { return c.DocumentName != document })
}

func (svc *ssmService) find(command, instance string) []invocation {
	at := slices.IndexFunc(svc.commands, func(c *sentCommand) bool { return c.CommandId == command })
	if at < 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(svc.commands[at].invocations), func(i invocation) bool {
		return instance != "" && i.InstanceId != instance
	})
}

func (svc *ssmService) invocationsOf(command, instance string, details bool) []any {
	list := []any{}
	for _, i := range svc.find(command, instance) {
		plugins := []any{}
		for _, step := range i.steps {
			if details {
				plugins = append(plugins, map[string]any{"Name": step.name, "Status": step.status, "StatusDetails": step.status, "ResponseCode": step.code})
			}
		}
		list = append(list, map[string]any{
			"CommandId": i.CommandId, "InstanceId": i.InstanceId, "Status": i.Status, "StatusDetails": i.StatusDetails, "CommandPlugins": plugins,
		})
	}
	return list
}

func (svc *ssmService) outputOf(command, instance, plugin string) map[string]any {
	for _, i := range svc.find(command, instance) {
		for _, step := range i.steps {
			if step.name == plugin {
				return map[string]any{"StandardErrorContent": step.stderr, "StandardOutputContent": step.stdout, "ResponseCode": step.code}
			}
		}
	}
	return nil
}
