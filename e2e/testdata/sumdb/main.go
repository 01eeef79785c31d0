// A checksum database made of Go's own code, on loopback, over records in a file. For tests and for the benchmark.
//
//	sumdb [-latency D] [-filler N] [-grow N] SIGNER-KEY DIRECTORY
//	sumdb -generate NAME        prints a signer key and its verifier key
//
// DIRECTORY/records has the two lines of go.sum for each module version. Prints its address. What is asked for is appended
// to DIRECTORY/asked. DIRECTORY/faults, if it is there, has lines of `PART flip OFFSET` (of an answer whose path contains
// PART one bit is wrong; a negative offset counts from the end) and `PART status CODE`.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

const filler = "filler.example/m"

func main() {
	generate := flag.String("generate", "", "the name of a database to make keys for")
	latency := flag.Duration("latency", 0, "how long every answer waits")
	fillers := flag.Int("filler", 0, "how many other records there are among those of the file")
	grow := flag.Int("grow", 0, "by how many other records it grows with each lookup")
	listen := flag.String("listen", "127.0.0.1:0", "where it listens")
	flag.Parse()
	if *generate != "" {
		signer, verifier, err := note.GenerateKey(rand.Reader, *generate)
		check(err)
		fmt.Println(signer)
		fmt.Println(verifier)
		return
	}
	d := &database{dir: flag.Arg(1), latency: *latency, grow: *grow}
	d.ops = sumdb.NewTestServer(flag.Arg(0), d.gosum)
	d.server = sumdb.NewServer(d.ops)
	if *fillers > 0 {
		d.fill(*fillers)
	}
	asked, err := os.OpenFile(filepath.Join(d.dir, "asked"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	check(err)
	d.asked = asked
	listener, err := net.Listen("tcp", *listen)
	check(err)
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, d))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type database struct {
	dir     string
	latency time.Duration
	ops     *sumdb.TestServer
	server  http.Handler
	asked   io.Writer
	grow    int
	others  atomic.Int64
	// Those that were there at the start; else the file is read anew each time.
	known map[string]string
}

// The records file is read anew each time: a test may add some, as a database learns of new versions.
func (d *database) records() (map[string]string, error) {
	if d.known != nil {
		return d.known, nil
	}
	data, err := os.ReadFile(filepath.Join(d.dir, "records"))
	records := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			records[fields[0]+"@"+strings.TrimSuffix(fields[1], "/go.mod")] += line
		}
	}
	return records, err
}

func (d *database) gosum(path, version string) ([]byte, error) {
	if strings.HasPrefix(path, filler) {
		hash := sha256.Sum256([]byte(path))
		sum := base64.StdEncoding.EncodeToString(hash[:])
		return fmt.Appendf(nil, "%s %s h1:%s\n%s %s/go.mod h1:%s\n", path, version, sum, path, version, sum), nil
	}
	records, err := d.records()
	if err != nil {
		return nil, err
	}
	if lines := records[path+"@"+version]; lines != "" {
		return []byte(lines), nil
	}
	return nil, &os.PathError{Op: "looking up", Path: path + "@" + version, Err: os.ErrNotExist}
}

// Puts the records of the file evenly among others, so that each needs a tile of its own.
func (d *database) fill(count int) {
	known, err := d.records()
	check(err)
	d.known = known
	every := max(count/(len(known)+1), 1)
	real := make([]string, 0, len(known))
	for name := range known {
		real = append(real, name)
	}
	for i := range count {
		d.other()
		if i%every == 0 && i/every < len(real) {
			path, version, _ := strings.Cut(real[i/every], "@")
			d.add(module.Version{Path: path, Version: version})
		}
	}
}

func (d *database) other() {
	d.add(module.Version{Path: filler + strconv.FormatInt(d.others.Add(1), 10), Version: "v1.0.0"})
}

func (d *database) add(m module.Version) {
	_, err := d.ops.Lookup(context.Background(), m)
	check(err)
}

func (d *database) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(d.asked, "%s\n", r.URL.Path)
	time.Sleep(d.latency)
	if strings.HasPrefix(r.URL.Path, "/lookup/") {
		for range d.grow {
			d.other()
		}
	}
	answer := httptest.NewRecorder()
	d.server.ServeHTTP(answer, r)
	body, status := answer.Body.Bytes(), answer.Code
	faults, _ := os.ReadFile(filepath.Join(d.dir, "faults"))
	for line := range strings.Lines(string(faults)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.Contains(r.URL.Path, fields[0]) {
			continue
		}
		number, err := strconv.Atoi(fields[2])
		check(err)
		switch {
		case fields[1] == "status":
			status, body = number, []byte("as the test wants it\n")
		case number < 0:
			body[len(body)+number] ^= 1
		default:
			body[number] ^= 1
		}
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(status)
	w.Write(body)
}
