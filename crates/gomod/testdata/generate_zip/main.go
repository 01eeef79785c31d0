// Command generate_zip writes the cases of zip_check, zip_select, zip_vendor and zip_fold, and the table of src/zip/fold.
// Every verdict in them is Go's own: golang.org/x/mod's zip and dirhash, and unicode.SimpleFold.
// Run it in its directory: go run .
package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/mod").Output()
	check(err)
	xmod := filepath.Join(strings.TrimSpace(string(out)), "zip", "testdata")
	writeChecks(xmod)
	writeSelections(xmod)
	writeVendor()
	writeFolding()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// write replaces a file of cases; groups of lines in one file are separated by a line of four equal signs.
func write(dir, name string, groups ...[]string) {
	dir = filepath.Join("..", dir)
	check(os.MkdirAll(dir, 0o777))
	var cases []string
	for _, lines := range groups {
		cases = append(cases, strings.Join(lines, "\n")+"\n")
	}
	check(os.WriteFile(filepath.Join(dir, name+".txt"), []byte(strings.Join(cases, "====\n")), 0o666))
}

// archive is a parsed txtar file.
type archive struct {
	keys  map[string]string
	files []file
}

type file struct{ name, data string }

func readTxtar(name string) archive {
	data, err := os.ReadFile(name)
	check(err)
	a := archive{keys: map[string]string{}}
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		mark := strings.TrimSpace(line)
		if strings.HasPrefix(mark, "-- ") && strings.HasSuffix(mark, " --") && len(mark) >= 6 {
			a.files = append(a.files, file{name: strings.TrimSpace(mark[3 : len(mark)-3])})
		} else if n := len(a.files); n > 0 {
			a.files[n-1].data += line
		} else if key, value, ok := strings.Cut(mark, "="); ok && !strings.HasPrefix(mark, "#") {
			a.keys[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return a
}

// cases lists the txtar files of some folders of x/mod's testdata, by names for our own.
func cases(xmod string, dirs ...string) map[string]archive {
	all := map[string]archive{}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(xmod, dir, "*.txt"))
		check(err)
		for _, name := range names {
			all[dir+"_"+strings.TrimSuffix(filepath.Base(name), ".txt")] = readTxtar(name)
		}
	}
	return all
}
