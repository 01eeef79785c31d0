package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const clientHeight = 2

// A world is a log with all that its server has ever served.
type world struct {
	stored  storedHashes
	modules []module.Version
	remote  map[string][]byte
	signer  note.Signer
}

// newWorld continues a log, which may be nil, by records that have the salt in their hashes.
func newWorld(from *world, count int, salt string) (*world, error) {
	w := &world{remote: map[string][]byte{}}
	if from != nil {
		w = &world{slices.Clone(from.stored), slices.Clone(from.modules), maps.Clone(from.remote), nil}
	}
	var err error
	if w.signer, err = note.NewSigner(testSigner); err != nil {
		return nil, err
	}
	for range count {
		n := len(w.modules)
		path := []string{"example.com/m", "example.com/Upper", "rsc.io/quote"}[n%3]
		if err := w.add(module.Version{Path: path, Version: fmt.Sprintf("v1.%d.0", n)}, salt); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func lines(m module.Version, salt string) string {
	h := func(what string) string {
		sum := sha256.Sum256([]byte(salt + what + m.String()))
		return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", m.Path, m.Version, h("zip"), m.Path, m.Version, h("mod"))
}

func lookupPath(m module.Version) string {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		panic(err)
	}
	return "/lookup/" + path + "@" + m.Version
}

func (w *world) add(m module.Version, salt string) error {
	id := int64(len(w.modules))
	text := []byte(lines(m, salt))
	rec, err := tlog.FormatRecord(id, text)
	if err != nil {
		return err
	}
	hashes, err := tlog.StoredHashes(id, text, w.stored)
	if err != nil {
		return err
	}
	w.stored = append(w.stored, hashes...)
	w.modules = append(w.modules, m)
	w.remote[lookupPath(m)] = append(rec, w.sign(id+1)...)
	for _, tile := range tlog.NewTiles(clientHeight, id, id+1) {
		data, err := tlog.ReadTileData(tile, w.stored)
		if err != nil {
			return err
		}
		w.remote["/"+tile.Path()] = data
	}
	return nil
}

func (w *world) sign(size int64) []byte {
	h, err := tlog.TreeHash(size, w.stored)
	if err != nil {
		panic(err)
	}
	return w.signTree(tlog.Tree{N: size, Hash: h}, "")
}

func (w *world) signTree(tree tlog.Tree, more string) []byte {
	msg, err := note.Sign(&note.Note{Text: string(tlog.FormatTree(tree)) + more}, w.signer)
	if err != nil {
		panic(err)
	}
	return msg
}

// clientOps is what the client under test sees.
type clientOps struct {
	mu       sync.Mutex
	remote   map[string][]byte
	latest   []byte
	cache    map[string][]byte
	security string
}

func (o *clientOps) ReadRemote(path string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data, ok := o.remote[path]; ok {
		return bytes.Clone(data), nil
	}
	return nil, errors.New("no remote path " + path)
}

func (o *clientOps) ReadConfig(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if file == "key" {
		return []byte(testVerifier), nil
	}
	return o.latest, nil
}

func (o *clientOps) WriteConfig(file string, old, new []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !bytes.Equal(old, o.latest) {
		return sumdb.ErrWriteConflict
	}
	o.latest = new
	return nil
}

func (o *clientOps) ReadCache(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data, ok := o.cache[file]; ok {
		return data, nil
	}
	return nil, errors.New("not cached")
}

func (o *clientOps) WriteCache(file string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache[file] = data
}

func (o *clientOps) Log(string)               {}
func (o *clientOps) SecurityError(msg string) { o.security = msg }

// A scenario is a client with what it remembers, in a world that may have been changed.
type scenario struct {
	f      *file
	ops    *clientOps
	client *sumdb.Client
}

func begin(f *file, name string, at int, w *world, latest []byte) *scenario {
	f.add(word("scenario"), name, at)
	f.add(word("remembered"), latest)
	s := &scenario{f: f, ops: &clientOps{remote: maps.Clone(w.remote), latest: latest, cache: map[string][]byte{}}}
	s.restart()
	return s
}

func (s *scenario) restart() {
	s.client = sumdb.NewClient(s.ops)
	s.client.SetTileHeight(clientHeight)
}

func (s *scenario) set(path string, data []byte) {
	s.f.add(word("set"), path, data)
	s.ops.remote[path] = data
}

func (s *scenario) drop(path string) {
	s.f.add(word("drop"), path)
	delete(s.ops.remote, path)
}

func (s *scenario) lookup(m module.Version) {
	found, err := s.client.Lookup(m.Path, m.Version)
	mods, err2 := s.client.Lookup(m.Path, m.Version+"/go.mod")
	size := word("0")
	if fields := strings.Split(string(s.ops.latest), "\n"); len(fields) > 1 {
		size = word(fields[1])
	}
	if err == nil {
		err = err2
	}
	if err != nil {
		s.f.add(word("lookup"), m.Path, m.Version, size, err)
	} else {
		s.f.add(word("lookup"), m.Path, m.Version, size, word("ok"), strings.Join(append(found, mods...), "\n"))
	}
	if s.ops.security != "" {
		s.f.add(word("security"), s.ops.security)
		s.ops.security = ""
	}
}

func writeClients() error {
	f := newFile("client", "worlds (what a server serves), then scenarios in one: what is remembered, changes of the world, lookups with the size of the newest tree and lines or an error (sumdb.Client)")
	var worlds []*world
	for i := range 6 {
		w, err := newWorld(nil, 3+7*i, "")
		if err != nil {
			return err
		}
		worlds = append(worlds, w)
		f.add(word("world"), i)
		for _, path := range slices.Sorted(maps.Keys(w.remote)) {
			f.add(word("remote"), path, w.remote[path])
		}
	}
	for i, w := range worlds {
		addHonest(f, i, w)
		if err := addForks(f, i, w); err != nil {
			return err
		}
		for range 40 {
			addTampered(f, i, w)
		}
	}
	return f.close()
}

func pick(w *world) module.Version { return w.modules[random.IntN(len(w.modules))] }

func addHonest(f *file, at int, w *world) {
	s := begin(f, "first sight, then older and newer heads", at, w, nil)
	for range 4 {
		s.lookup(pick(w))
	}
	s = begin(f, "remembered head", at, w, w.sign(1+random.Int64N(int64(len(w.modules)))))
	for range 4 {
		s.lookup(pick(w))
	}
	s = begin(f, "remembered newest head, partial tiles gone", at, w, w.sign(int64(len(w.modules))))
	for _, path := range slices.Sorted(maps.Keys(w.remote)) {
		if dir, _, ok := strings.Cut(path, ".p/"); ok && w.remote[dir] != nil {
			s.drop(path)
		}
	}
	for range 4 {
		s.lookup(pick(w))
	}
	s = begin(f, "record of another module", at, w, nil)
	s.set(lookupPath(module.Version{Path: "example.com/evil", Version: "v1.0.0"}), w.remote[lookupPath(w.modules[0])])
	s.lookup(module.Version{Path: "example.com/evil", Version: "v1.0.0"})
	s = begin(f, "lines in the note", at, w, nil)
	evil := module.Version{Path: "example.com/evil", Version: "v1.0.0"}
	rec, _, _ := bytes.Cut(w.remote[lookupPath(w.modules[0])], []byte("\n\n"))
	h, err := tlog.TreeHash(int64(len(w.modules)), w.stored)
	if err != nil {
		panic(err)
	}
	tree := tlog.Tree{N: int64(len(w.modules)), Hash: h}
	s.set(lookupPath(evil), withNote(rec, w.signTree(tree, lines(evil, ""))))
	s.lookup(evil)
	s.lookup(w.modules[0])
	s = begin(f, "record beyond the tree", at, w, nil)
	last := w.modules[len(w.modules)-1]
	rec, _, _ = bytes.Cut(w.remote[lookupPath(last)], []byte("\n\n"))
	s.set(lookupPath(last), withNote(rec, w.sign(int64(len(w.modules)-1))))
	s.lookup(last)
}

// withNote makes an answer of a record without its blank line and a note.
func withNote(record, note []byte) []byte {
	return slices.Concat(record, []byte("\n\n"), note)
}

func addForks(f *file, at int, w *world) error {
	shared := random.IntN(len(w.modules))
	base := &world{remote: map[string][]byte{}}
	var err error
	if base, err = newWorld(nil, shared, ""); err != nil {
		return err
	}
	for _, more := range []int{1, len(w.modules) - shared, len(w.modules) + 3} {
		fork, err := newWorld(base, more, "evil")
		if err != nil {
			return err
		}
		s := begin(f, fmt.Sprintf("fork after %d, %d more", shared, more), at, w, w.sign(int64(len(w.modules))))
		m := fork.modules[len(fork.modules)-1]
		if m != w.modules[0] {
			s.lookup(w.modules[0])
		}
		for _, path := range slices.Sorted(maps.Keys(fork.remote)) {
			if strings.HasPrefix(path, "/tile/") && !bytes.Equal(s.ops.remote[path], fork.remote[path]) {
				s.set(path, fork.remote[path])
			}
		}
		s.set(lookupPath(m), fork.remote[lookupPath(m)])
		s.lookup(m)
		s = begin(f, "a head of another tree of the same size", at, fork, fork.sign(int64(len(fork.modules))))
		for _, path := range slices.Sorted(maps.Keys(fork.remote)) {
			s.set(path, fork.remote[path])
		}
		m = fork.modules[0]
		rec, _, _ := bytes.Cut(fork.remote[lookupPath(m)], []byte("\n\n"))
		tree := tlog.Tree{N: int64(len(fork.modules)), Hash: tlog.Hash{1}}
		s.set(lookupPath(m), withNote(rec, fork.signTree(tree, "")))
		s.lookup(m)
	}
	s := begin(f, "a tree of no records with another hash", at, w, w.sign(int64(len(w.modules))))
	m := w.modules[0]
	rec, _, _ := bytes.Cut(w.remote[lookupPath(m)], []byte("\n\n"))
	s.set(lookupPath(m), withNote(rec, w.signTree(tlog.Tree{N: 0, Hash: tlog.Hash{1}}, "")))
	s.lookup(m)
	return nil
}

// addTampered changes one byte of one thing that is served, or of its text.
func addTampered(f *file, at int, w *world) {
	var latest []byte
	if random.IntN(2) == 0 {
		latest = w.sign(1 + random.Int64N(int64(len(w.modules))))
	}
	s := begin(f, "tampered", at, w, latest)
	paths := slices.Sorted(maps.Keys(w.remote))
	prefix := []string{"/tile/2/0", "/tile/", "/lookup/"}[random.IntN(3)]
	paths = slices.DeleteFunc(paths, func(path string) bool { return !strings.HasPrefix(path, prefix) })
	for range 1 + random.IntN(4) {
		path := paths[random.IntN(len(paths))]
		data := bytes.Clone(w.remote[path])
		data[random.IntN(len(data))] ^= 1 << random.IntN(7)
		s.set(path, data)
	}
	for range 4 {
		s.lookup(pick(w))
	}
}
