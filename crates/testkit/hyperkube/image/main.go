// Writes a container image of one layer as a docker archive, as `ctr images import` reads it.
//
//	image OUT NAME[,NAME…] ENTRYPOINT FILE:PATH…
//
// FILE is a file on this machine, or @TARGET for a symbolic link. Times and owners are left zero, so the same files
// make the same image.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
)

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: image OUT NAME[,NAME…] ENTRYPOINT FILE:PATH…")
		os.Exit(2)
	}
	if err := image(os.Args[1], strings.Split(os.Args[2], ","), os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func image(out string, names []string, entrypoint string, files []string) error {
	layer, err := os.CreateTemp(path.Dir(out), ".layer")
	if err != nil {
		return err
	}
	defer os.Remove(layer.Name())
	sum := sha256.New()
	if err := writeLayer(io.MultiWriter(layer, sum), files); err != nil {
		return err
	}
	digest := hex.EncodeToString(sum.Sum(nil))

	type container struct {
		Env        []string
		Entrypoint []string `json:",omitempty"`
	}
	config := container{Env: []string{"PATH=/usr/local/bin:/bin"}}
	if entrypoint != "" {
		config.Entrypoint = []string{entrypoint}
	}
	description, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest}},
	})
	if err != nil {
		return err
	}
	descriptionSum := sha256.Sum256(description)
	descriptionName := hex.EncodeToString(descriptionSum[:]) + ".json"
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": descriptionName, "RepoTags": names, "Layers": []string{digest + "/layer.tar"},
	}})
	if err != nil {
		return err
	}

	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := tar.NewWriter(file)
	if err := addBytes(archive, descriptionName, description); err != nil {
		return err
	}
	if err := addFile(archive, digest+"/layer.tar", layer.Name(), 0o644); err != nil {
		return err
	}
	if err := addBytes(archive, "manifest.json", manifest); err != nil {
		return err
	}
	return archive.Close()
}

func writeLayer(to io.Writer, files []string) error {
	layer := tar.NewWriter(to)
	made := map[string]bool{".": true}
	if err := folder(layer, made, "tmp", 0o1777); err != nil {
		return err
	}
	for _, spec := range files {
		from, dest, ok := strings.Cut(spec, ":")
		if !ok {
			return fmt.Errorf("%q is not FILE:PATH", spec)
		}
		dest = strings.TrimPrefix(dest, "/")
		if err := folder(layer, made, path.Dir(dest), 0o755); err != nil {
			return err
		}
		var err error
		if target, link := strings.CutPrefix(from, "@"); link {
			err = layer.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: dest, Linkname: target, Mode: 0o777})
		} else {
			err = addFile(layer, dest, from, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return layer.Close()
}

func folder(to *tar.Writer, made map[string]bool, name string, mode int64) error {
	if made[name] {
		return nil
	}
	if err := folder(to, made, path.Dir(name), 0o755); err != nil {
		return err
	}
	made[name] = true
	return to.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode})
}

func addBytes(to *tar.Writer, name string, content []byte) error {
	if err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := to.Write(content)
	return err
}

func addFile(to *tar.Writer, name, from string, mode int64) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		return err
	}
	if err := to.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: about.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(to, file)
	return err
}
