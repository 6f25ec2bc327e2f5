// Asks an API server without end, as the controllers and tools of a cluster do: with client-go, its connections
// and its retries, for it is their patience that a restart behind a load balancer relies on.
//
//	ask KUBECONFIG
//
// One user, one connection, about twenty requests a second: mostly lists, now and then a write. On SIGTERM it prints what
// came of them: a name and a number a line, then a line for each of the first failures.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"auditward.dev/testkit/hyperkube/lifeline"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Between two requests of one client.
const pause = 40 * time.Millisecond

// One request in so many is a write.
const writeEvery = 10

// What is told of failures at most.
const failuresMax = 20

type asked struct {
	reads, writes, secondTries, readsFailed, writesFailed int

	slowest  time.Duration
	failures []string
}

func (a *asked) print() {
	fmt.Println("reads", a.reads)
	fmt.Println("writes", a.writes)
	fmt.Println("second-tries", a.secondTries)
	fmt.Println("reads-failed", a.readsFailed)
	fmt.Println("writes-failed", a.writesFailed)
	fmt.Println("slowest-ms", a.slowest.Milliseconds())
	for _, failure := range a.failures {
		fmt.Println("failure", strings.ReplaceAll(failure, "\n", " "))
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ask KUBECONFIG")
		os.Exit(2)
	}
	lifeline.Hold()
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	result, err := ask(stop, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	result.print()
}

func ask(stop context.Context, kubeconfig string) (*asked, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	tries := 0
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return counted{next, &tries}
	})
	client, err := kubernetes.NewForConfig(rest.AddUserAgent(config, "ask"))
	if err != nil {
		return nil, err
	}
	maps := client.CoreV1().ConfigMaps("default")
	result := &asked{}
	began := time.Now()
	for stop.Err() == nil {
		// A request that was begun is ended: being told to stop is no failure.
		within, done := context.WithTimeout(context.Background(), 30*time.Second)
		at := time.Now()
		writes := (result.reads+result.writes)%writeEvery == 0
		if writes {
			result.writes++
			beat := core.ConfigMap{ObjectMeta: meta.ObjectMeta{GenerateName: "ask-"}}
			_, err = maps.Create(within, &beat, meta.CreateOptions{DryRun: []string{meta.DryRunAll}})
		} else {
			result.reads++
			_, err = maps.List(within, meta.ListOptions{})
		}
		done()
		result.slowest = max(result.slowest, time.Since(at))
		if err != nil {
			if writes {
				result.writesFailed++
			} else {
				result.readsFailed++
			}
			if len(result.failures) < failuresMax {
				result.failures = append(result.failures, fmt.Sprintf("after %.1f s: %v", at.Sub(began).Seconds(), err))
			}
		}
		time.Sleep(pause)
	}
	result.secondTries = tries - result.reads - result.writes
	return result, nil
}

// counted counts the tries of requests: client-go hands each of them down here. One client asks one at a time.
type counted struct {
	next  http.RoundTripper
	tries *int
}

func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	*c.tries++
	return c.next.RoundTrip(request)
}
