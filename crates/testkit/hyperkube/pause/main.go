// The process that holds namespaces open, a pod's or a whole node's: it waits, and buries the orphans it inherits
// as PID 1.
//
// A program of its own and not one more name of hyperkube, because one runs for every pod, and the packages of
// hyperkube take some 60 MB of memory before main begins.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"auditward.dev/testkit/hyperkube/lifeline"
)

func main() {
	lifeline.Hold()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
