// Every part of a Kubernetes control plane in one program; the name it is called by says which.
//
// One link instead of seven is what makes a real control plane cheap enough for tests: the parts share nearly all
// of their code, so the whole is hardly larger than kube-apiserver alone.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"auditward.dev/testkit/hyperkube/lifeline"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client and workqueue metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// Each part's own main, as its own cmd/ folder has it.
var parts = map[string]func() int{
	"kube-apiserver":          command(apiserver.NewAPIServerCommand),
	"kube-controller-manager": command(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubectl":                 command(kubectl.NewDefaultKubectlCommand),
	// Not the signal context: a process may make that only once, and the command makes it itself.
	"kubelet": command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kubeadm": func() int {
		if err := kubeadm.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	},
	"etcd": func() int { etcdmain.Main(os.Args); return 0 },
}

func main() {
	part, known := parts[filepath.Base(os.Args[0])]
	if !known {
		var names []string
		for name := range parts {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintln(os.Stderr, "call me by the name of a part:", names)
		os.Exit(2)
	}
	lifeline.Hold()
	os.Exit(part())
}

func command(make func() *cobra.Command) func() int {
	return func() int { return cli.Run(make()) }
}
