// Waits until an API server answers a path with 200.
//
//	await KUBECONFIG PATH DURATION
//
// kubectl can ask too, but each call of it costs a quarter of a second of work; this one asks often and has
// its answer soon after there is one. It asks less often the longer it takes: each question is in the audit log. It reads only the fields that the testkit and kubeadm write.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"auditward.dev/testkit/hyperkube/lifeline"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: await KUBECONFIG PATH DURATION")
		os.Exit(2)
	}
	lifeline.Hold()
	within, err := time.ParseDuration(os.Args[3])
	if err == nil {
		err = await(os.Args[1], os.Args[2], time.Now().Add(within))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func await(kubeconfig, path string, until time.Time) error {
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		return err
	}
	field := func(name string) string {
		found := regexp.MustCompile(`(?m)^[\s-]*` + name + `: *(\S+)`).FindSubmatch(text)
		if found == nil {
			return ""
		}
		return strings.Trim(string(found[1]), `"`)
	}
	data := func(name string) []byte {
		if path := field(name); path != "" {
			content, _ := os.ReadFile(path)
			return content
		}
		content, _ := base64.StdEncoding.DecodeString(field(name + "-data"))
		return content
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(data("certificate-authority"))
	security := &tls.Config{RootCAs: authorities}
	if pair, err := tls.X509KeyPair(data("client-certificate"), data("client-key")); err == nil {
		security.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: security}, Timeout: 10 * time.Second}
	var last string
	pause := 20 * time.Millisecond
	for time.Now().Before(until) {
		last = ask(client, field("server")+path, field("token"))
		if last == "" {
			return nil
		}
		time.Sleep(pause)
		pause = min(pause*5/4, 300*time.Millisecond)
	}
	return fmt.Errorf("the last answer was: %s", last)
}

// ask says what is wrong, or nothing.
func ask(client *http.Client, url, token string) string {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 16<<10))
	if answer.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s %s", answer.Status, body)
	}
	return ""
}
