// What would the kubelet make of these manifests? Each comes on stdin as its length on a line, then its bytes; for each
// goes out one line of JSON: the pod, or why there is none. The calls are those of tryDecodeSinglePod in
// k8s.io/kubernetes/pkg/kubelet/config/common.go, which is not exported.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	api "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
)

type verdict struct {
	Pod   *v1.Pod `json:"pod,omitempty"`
	Error string  `json:"error,omitempty"`
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var length int
		if _, err := fmt.Fscanf(in, "%d\n", &length); err != nil {
			return
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil {
			panic(err)
		}
		pod, err := decode(data)
		said := verdict{Pod: pod}
		if err != nil {
			said = verdict{Error: err.Error()}
		}
		line, err := json.Marshal(said)
		if err != nil {
			panic(err)
		}
		out.Write(append(line, '\n'))
	}
}

func decode(data []byte) (*v1.Pod, error) {
	text, err := utilyaml.ToJSON(data)
	if err != nil {
		return nil, err
	}
	object, err := runtime.Decode(legacyscheme.Codecs.UniversalDecoder(), text)
	if err != nil {
		return nil, err
	}
	pod, ok := object.(*api.Pod)
	if !ok {
		return nil, fmt.Errorf("not a pod: %T", object)
	}
	if pod.Name == "" {
		return nil, fmt.Errorf("name is needed for the pod")
	}
	if pod.Namespace == "" {
		pod.Namespace = "default"
	}
	options := podutil.GetValidationOptionsFromPodSpecAndMeta(&pod.Spec, nil, &pod.ObjectMeta, nil)
	if errs := validation.ValidatePodCreate(pod, options); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	versioned := &v1.Pod{}
	if err := corev1.Convert_core_Pod_To_v1_Pod(pod, versioned, nil); err != nil {
		return nil, err
	}
	return versioned, nil
}
