package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// storedHashes has the hashes of a log in storage order.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		hashes[i] = s[x]
	}
	return hashes, nil
}

// leaves makes the log of that many records, the texts of which are "leaf 0\n" and so on.
func leaves(count int64) (storedHashes, error) {
	var stored storedHashes
	for n := range count {
		hashes, err := tlog.StoredHashes(n, fmt.Appendf(nil, "leaf %d\n", n), stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	return stored, nil
}

// digest is the base64 of the hash over a list of hashes.
func digest(hashes []tlog.Hash) string {
	h := sha256.New()
	for _, hash := range hashes {
		h.Write(hash[:])
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

var changes = []word{"none", "size+1", "size-1", "of+1", "of-1", "first", "last", "twice", "flip0", "flip1", "flip5", "swap", "hash", "root", "empty"}

// change applies a change to a proof and what it is of.
func change(name word, p []tlog.Hash, size, of *int64, root, hash *tlog.Hash) []tlog.Hash {
	p = slices.Clone(p)
	at := func(k int) {
		if k < len(p) {
			p[k][0] ^= 1
		}
	}
	switch name {
	case "size+1":
		*size++
	case "size-1":
		*size--
	case "of+1":
		*of++
	case "of-1":
		*of--
	case "first":
		p = p[min(1, len(p)):]
	case "last":
		p = p[:max(0, len(p)-1)]
	case "twice":
		if len(p) > 0 {
			p = append(p, p[len(p)-1])
		}
	case "flip0":
		at(0)
	case "flip1":
		at(1)
	case "flip5":
		at(5)
	case "swap":
		if len(p) > 1 {
			p[0], p[1] = p[1], p[0]
		}
	case "hash":
		hash[31] ^= 1
	case "root":
		root[31] ^= 1
	case "empty":
		p = nil
	}
	return p
}

func verdict(err error) word {
	if err != nil {
		return "error"
	}
	return "ok"
}

func writeTrees() error {
	stored, err := leaves(700)
	if err != nil {
		return err
	}
	f := newFile("tree", "hash SIZE HASH; record or tree SIZE OF, the number of hashes of the proof and their digest; check-record or check-tree SIZE OF CHANGE VERDICT (tlog.TreeHash, ProveRecord, CheckRecord, ProveTree, CheckTree)")
	for size := range int64(130) {
		h, err := tlog.TreeHash(size, stored)
		if err != nil {
			return err
		}
		f.add(word("hash"), size, h.String())
	}
	for _, size := range []int64{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 100, 255, 256, 257, 511, 512, 513, 519, 700} {
		for range 8 {
			if err := addProofs(f, stored, size, random.Int64N(size)); err != nil {
				return err
			}
		}
	}
	return f.close()
}

func addProofs(f *file, stored storedHashes, size, id int64) error {
	th, err := tlog.TreeHash(size, stored)
	if err != nil {
		return err
	}
	older := id + 1
	oh, err := tlog.TreeHash(older, stored)
	if err != nil {
		return err
	}
	rp, err := tlog.ProveRecord(size, id, stored)
	if err != nil {
		return err
	}
	tp, err := tlog.ProveTree(size, older, stored)
	if err != nil {
		return err
	}
	f.add(word("record"), size, id, len(rp), digest(rp))
	f.add(word("tree"), size, older, len(tp), digest(tp))
	for _, name := range changes {
		s, of, root, hash := size, id, th, stored[tlog.StoredHashIndex(0, id)]
		p := change(name, rp, &s, &of, &root, &hash)
		f.add(word("check-record"), size, id, name, verdict(tlog.CheckRecord(p, s, root, of, hash)))
		s, of, root, hash = size, older, th, oh
		p = change(name, tp, &s, &of, &root, &hash)
		f.add(word("check-tree"), size, older, name, verdict(tlog.CheckTree(p, s, root, of, hash)))
	}
	return nil
}
