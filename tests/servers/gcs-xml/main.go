// Gives fake-gcs-server the part of Google's XML interface that it lacks: unsigned PUT with
// x-goog-if-generation-match, and errors that tell a missing bucket from a missing object.
//
//	gcs-xml PORT FAKE-GCS-SERVER
//
// Everything else is passed on. Ends with its parent's signal, and the server with it.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: gcs-xml PORT FAKE-GCS-SERVER")
	}
	port, program := os.Args[1], os.Args[2]
	inner, err := startServer(port, program)
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(inner)
	handler := func(w http.ResponseWriter, r *http.Request) {
		bucket, object, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case strings.HasPrefix(r.URL.Path, "/storage/v1/"):
		case !exists(inner, "b/"+url.PathEscape(bucket)):
			refuse(w, http.StatusNotFound, "NoSuchBucket")
			return
		case r.Method == http.MethodPut && object != "":
			put(w, r, inner, bucket, object)
			return
		case object != "" && r.Method != http.MethodHead &&
			!exists(inner, "b/"+url.PathEscape(bucket)+"/o/"+url.PathEscape(object)):
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		proxy.ServeHTTP(w, r)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(handler)))
}

// startServer runs fake-gcs-server on a port of its own until this process ends.
func startServer(port, program string) (*url.URL, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	_, innerPort, _ := net.SplitHostPort(address)
	free.Close()
	server := exec.Command(program, "-scheme=http", "-host=127.0.0.1", "-port="+innerPort,
		"-public-host=127.0.0.1:"+port, "-external-url=http://127.0.0.1:"+port,
		"-log-level=error", "-backend=memory")
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		return nil, err
	}
	for range 1000 {
		if probe, err := net.Dial("tcp", address); err == nil {
			probe.Close()
			return url.Parse("http://" + address)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s does not listen", program)
}

func exists(inner *url.URL, path string) bool {
	answer, err := http.Get(inner.String() + "/storage/v1/" + path)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// put turns an upload of the XML interface into one of the JSON interface.
func put(w http.ResponseWriter, r *http.Request, inner *url.URL, bucket, object string) {
	query := url.Values{"uploadType": {"media"}, "name": {object}}
	if generation := r.Header.Get("x-goog-if-generation-match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	target := inner.String() + "/upload/storage/v1/b/" + url.PathEscape(bucket) + "/o?" + query.Encode()
	request, err := http.NewRequest(http.MethodPost, target, r.Body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	request.ContentLength = r.ContentLength
	request.Header.Set("Content-Type", "application/octet-stream")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	switch answer.StatusCode {
	case http.StatusOK:
		w.Header().Set("ETag", `"stored"`)
	case http.StatusPreconditionFailed:
		refuse(w, answer.StatusCode, "PreconditionFailed")
	default:
		log.Printf("put of %s: %d: %s", object, answer.StatusCode, text)
		refuse(w, answer.StatusCode, "")
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code></Error>", code)
}
