// The other side of the benchmark: `k8s.io/apiserver`'s own evaluator on the same policies and the same requests.
//
// The one argument names the workload, a JSON file that the Rust side wrote. Then, for each line on stdin:
//
//	decisions POLICY 0     -> one line: a word a request, LEVEL/STAGES/MANAGED (stages as bits, managed fields 0 or 1)
//	time POLICY PASSES     -> one line: nanoseconds that PASSES passes over the policy's requests took
//
// POLICY is an index into the workload's policies.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2"
)

type workload struct {
	Requests [][]request `json:"requests"`
	Policies []struct {
		Text     string `json:"text"`
		Requests int    `json:"requests"` // which list of requests
	} `json:"policies"`
}

type request struct {
	User              *string  `json:"user"`
	Groups            []string `json:"groups"`
	Verb              string   `json:"verb"`
	IsResourceRequest bool     `json:"isResourceRequest"`
	APIGroup          string   `json:"apiGroup"`
	Resource          string   `json:"resource"`
	Subresource       string   `json:"subresource"`
	Namespace         string   `json:"namespace"`
	Name              string   `json:"name"`
	Path              string   `json:"path"`
}

type contest struct {
	evaluator audit.PolicyRuleEvaluator
	requests  []authorizer.Attributes
}

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: reference WORKLOAD"))
	}
	// What it thinks of a policy is not asked here.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	contests, err := load(os.Args[1])
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var verb string
		var index, passes int
		if _, err := fmt.Sscan(lines.Text(), &verb, &index, &passes); err != nil {
			fail(fmt.Errorf("bad command %q: %w", lines.Text(), err))
		}
		if verb == "time" {
			fmt.Fprintln(out, measure(contests[index], passes).Nanoseconds())
		} else {
			fmt.Fprintln(out, strings.Join(decisions(contests[index]), " "))
		}
		out.Flush()
	}
}

func load(path string) ([]contest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var work workload
	if err := json.Unmarshal(text, &work); err != nil {
		return nil, err
	}
	lists := make([][]authorizer.Attributes, len(work.Requests))
	for i, requests := range work.Requests {
		for _, request := range requests {
			lists[i] = append(lists[i], attributes(request))
		}
	}
	var contests []contest
	for _, entry := range work.Policies {
		loaded, err := policy.LoadPolicyFromBytes([]byte(entry.Text))
		if err != nil {
			return nil, err
		}
		contests = append(contests, contest{policy.NewPolicyRuleEvaluator(loaded), lists[entry.Requests]})
	}
	return contests, nil
}

// One copy of each string, as on the other side.
var words = map[string]string{}

func one(word string) string {
	if _, known := words[word]; !known {
		words[word] = word
	}
	return words[word]
}

func attributes(request request) authorizer.Attributes {
	for _, word := range []*string{&request.Verb, &request.Namespace, &request.APIGroup, &request.Resource,
		&request.Subresource, &request.Name, &request.Path} {
		*word = one(*word)
	}
	for i, group := range request.Groups {
		request.Groups[i] = one(group)
	}
	record := &authorizer.AttributesRecord{
		Verb:            request.Verb,
		Namespace:       request.Namespace,
		APIGroup:        request.APIGroup,
		Resource:        request.Resource,
		Subresource:     request.Subresource,
		Name:            request.Name,
		ResourceRequest: request.IsResourceRequest,
		Path:            request.Path,
	}
	if request.User != nil {
		record.User = &user.DefaultInfo{Name: one(*request.User), Groups: request.Groups}
	}
	return record
}

var blackHole int

func measure(contest contest, passes int) time.Duration {
	sum := 0
	start := time.Now()
	for range passes {
		for _, request := range contest.requests {
			sum += len(contest.evaluator.EvaluatePolicyRule(request).Level)
		}
	}
	took := time.Since(start)
	blackHole += sum
	return took
}

var stageBits = map[auditinternal.Stage]int{
	auditinternal.StageRequestReceived:  1,
	auditinternal.StageResponseStarted:  2,
	auditinternal.StageResponseComplete: 4,
	auditinternal.StagePanic:            8,
}

func decisions(contest contest) []string {
	var words []string
	for _, request := range contest.requests {
		config := contest.evaluator.EvaluatePolicyRule(request)
		stages, managed := 0, 0
		for _, stage := range config.OmitStages {
			stages |= stageBits[stage]
		}
		if config.OmitManagedFields {
			managed = 1
		}
		words = append(words, fmt.Sprintf("%s/%d/%d", config.Level, stages, managed))
	}
	return words
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
