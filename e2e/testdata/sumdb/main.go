// A checksum database made of Go's own code, on loopback, over records in a file.
//
// Usage: sumdb SIGNER-KEY RECORDS. The file has the two lines of go.sum for each module version. Prints its address.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/sumdb"
)

func main() {
	records := os.Args[2]
	// Read anew each time: a test may add records, as a database learns of new versions.
	gosum := func(path, version string) ([]byte, error) {
		data, err := os.ReadFile(records)
		if err != nil {
			return nil, err
		}
		var lines string
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			if len(fields) == 3 && fields[0] == path && strings.TrimSuffix(fields[1], "/go.mod") == version {
				lines += line
			}
		}
		if lines == "" {
			return nil, os.ErrNotExist
		}
		return []byte(lines), nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, sumdb.NewServer(sumdb.NewTestServer(os.Args[1], gosum))))
}
